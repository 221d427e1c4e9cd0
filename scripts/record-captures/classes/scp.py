"""scp: files and folders copied over SSH, in either direction, by scp, sftp and pscp. Same servers, users and key
exchanges as ssh-interactive: what differs comes after the handshake."""

import tempfile
from functools import cache
from pathlib import Path
from random import Random

from classes.base import TrafficClass, ports_filter
from content import document
from lab import RUN, USERS, Lab, Lease, run
from servers import ssh

HELD = 10  # files that wait in each home folder


@cache
def start(lab: Lab) -> None:
    ssh.start(lab)
    rng = Random("scp")
    for user in USERS:
        folder = Path("/home", user, "files")
        folder.mkdir()
        for number in range(HELD):
            name, data = document(rng, 60, 1000)
            (folder / f"{number}-{name}").write_bytes(data)
        run("chown", "-R", f"{user}:{user}", str(folder))


def session(lab: Lab, lease: Lease, rng: Random) -> None:
    with tempfile.TemporaryDirectory(dir=RUN) as folder:
        local = Path(folder)
        for _ in range(rng.choice((1, 1, 2, 3))):
            name, data = document(rng, 60, 1000)
            (local / name).write_bytes(data)
        port = rng.choice(ssh.PORTS)
        client = rng.choice(("scp", "scp", "sftp", "dropbear", "putty"))
        if client == "sftp":
            sftp(lab, lease, rng, port, local)
            return
        remote = f"{lease.user}@{lease.host}:"
        if rng.random() < 0.5:
            paths = [*map(str, local.iterdir()), remote]
        else:
            # One pattern for all files: more sources would be more connections.
            numbers = "".join(map(str, rng.sample(range(HELD), rng.choice((1, 1, 2)))))
            paths = [f"{remote}files/[{numbers}]-*", folder]
        if client == "putty":
            lab.client("pscp", "-q", rng.choice(("-scp", "-sftp")), *ssh.fingerprints(port), "-P", str(port), "-pw",
                       lease.password, "-unsafe", *paths)
        elif client == "dropbear":
            lab.client("scp", "-q", "-O", "-S", str(dropbear_wrapper()), "-P", str(port), *paths,
                       env={"DROPBEAR_PASSWORD": lease.password, "PATH": "/usr/bin:/bin", "HOME": str(RUN)})
        else:
            flags = [flag for flag, chance in (("-p", 0.3), ("-O", 0.3)) if rng.random() < chance]
            lab.client("sshpass", "-p", lease.password, "scp", "-q", *flags, *ssh.openssh_options(lease, rng), "-P", str(port),
                       *paths)


def sftp(lab: Lab, lease: Lease, rng: Random, port: int, local: Path) -> None:
    commands = rng.sample(["pwd", "ls", "ls -l files", "df"], rng.choice((0, 1, 2)))
    commands += [f"put {path}" for path in local.iterdir()]
    commands += [f"get files/{rng.randrange(HELD)}-* {local}/" for _ in range(rng.choice((0, 1)))]
    lab.client("sshpass", "-p", lease.password, "sftp", "-q", *ssh.openssh_options(lease, rng), "-P", str(port),
               f"{lease.user}@{lease.host}", input="\n".join(commands) + "\nbye\n")


@cache
def dropbear_wrapper() -> Path:
    """scp passes OpenSSH's -o options to its transport; dbclient takes fewer."""
    path = RUN / "ssh" / "dbclient-for-scp"
    path.write_text("""#!/bin/bash
arguments=(-y -y)
while [ $# -gt 0 ]; do
  case $1 in
    -o) shift 2 ;;
    -o* | -x | -q | -4 | -6 | --) shift ;;
    *) arguments+=("$1"); shift ;;
  esac
done
exec dbclient "${arguments[@]}"
""")
    path.chmod(0o755)
    return path


CLASS = TrafficClass("scp", "file copies over SSH: OpenSSH, Dropbear; scp (SFTP and old protocol), sftp, pscp",
                     ssh.PACKAGES, ports_filter("tcp", *ssh.PORTS), start, session, sessions=10)
