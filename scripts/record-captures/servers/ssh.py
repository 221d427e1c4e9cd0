"""The SSH servers that ssh-interactive and scp share: two OpenSSH servers with different keys and one Dropbear."""

from functools import cache
from pathlib import Path

from lab import RUN, USERS, Lab, Lease, run

OPENSSH, OPENSSH_RSA, DROPBEAR = 22, 2222, 2022
PORTS = (OPENSSH, OPENSSH_RSA, DROPBEAR)
CLIENT_KEYS = ("ed25519", "ecdsa", "rsa")
PACKAGES = ("openssh-server", "openssh-client", "dropbear-bin", "putty-tools")


@cache
def start(lab: Lab) -> None:
    folder = RUN / "ssh"
    folder.mkdir()
    for kind in CLIENT_KEYS:
        run("ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "laboratory", "-f", str(folder / f"client_{kind}"))
        run("ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "laboratory", "-f", str(folder / f"host_{kind}"))
    keys = "".join((folder / f"client_{kind}.pub").read_text() for kind in CLIENT_KEYS)
    for user in USERS:
        home = Path("/home", user)
        (home / ".ssh").mkdir(mode=0o700)
        (home / ".ssh" / "authorized_keys").write_text(keys)
        run("chown", "-R", f"{user}:{user}", str(home / ".ssh"))
    for port, kinds in ((OPENSSH, ("ed25519", "ecdsa")), (OPENSSH_RSA, ("rsa",))):
        path = folder / f"sshd_{port}"
        path.write_text(f"Port {port}\nPidFile none\nUsePAM no\nPrintMotd no\nPrintLastLog no\nMaxStartups 100\n"
                        "PasswordAuthentication yes\nSubsystem sftp /usr/lib/openssh/sftp-server\n"
                        + "".join(f"HostKey {folder}/host_{kind}\n" for kind in kinds))
        lab.serve(f"sshd-{port}", "/usr/sbin/sshd", "-D", "-e", "-f", str(path))
    run("dropbearkey", "-t", "ed25519", "-f", str(folder / "dropbear_ed25519"))
    lab.serve("dropbear", "dropbear", "-F", "-E", "-p", str(DROPBEAR), "-r", str(folder / "dropbear_ed25519"), "-P", "")
    lab.await_ports(*PORTS)


def fingerprints(port: int) -> list[str]:
    """What PuTTY's tools need to trust the server of a port without asking."""
    folder = RUN / "ssh"
    if port == DROPBEAR:
        lines = [line for line in run("dropbearkey", "-y", "-f", str(folder / "dropbear_ed25519")).splitlines()
                 if line.startswith("ssh-")]
        public = folder / "dropbear.pub"
        public.write_text(lines[0] + "\n")
        publics = [public]
    else:
        publics = [folder / f"host_{kind}.pub" for kind in (("rsa",) if port == OPENSSH_RSA else ("ed25519", "ecdsa"))]
    return [part for public in publics for part in ("-hostkey", run("ssh-keygen", "-lf", str(public)).split()[1])]


def openssh_options(lease: Lease, rng) -> list[str]:
    """What differs between users of OpenSSH: ciphers, key exchange, MACs, compression, the key."""
    options = [lease.flag, "-F", "none", "-o", "UserKnownHostsFile=/dev/null", "-o", "StrictHostKeyChecking=no", "-o",
               "LogLevel=ERROR", "-o", "IdentitiesOnly=yes", "-i", str(RUN / "ssh" / f"client_{rng.choice(CLIENT_KEYS)}")]
    if rng.random() < 0.3:
        options += ["-o", "PreferredAuthentications=password"]
    if rng.random() < 0.4:
        options += ["-c", rng.choice(("aes128-gcm@openssh.com,aes128-ctr", "chacha20-poly1305@openssh.com", "aes256-ctr",
                                      "aes128-ctr,aes256-ctr"))]
    if rng.random() < 0.75:  # the default, with post-quantum keys, costs 2 KiB more
        options += ["-o", "KexAlgorithms=" + rng.choice(("curve25519-sha256", "ecdh-sha2-nistp256,curve25519-sha256",
                                                         "curve25519-sha256,diffie-hellman-group14-sha256"))]
    if rng.random() < 0.2:
        options += ["-o", "MACs=" + rng.choice(("hmac-sha2-256,hmac-sha2-512", "hmac-sha2-256-etm@openssh.com,hmac-sha2-256"))]
    if rng.random() < 0.2:
        options.append("-C")
    return options
