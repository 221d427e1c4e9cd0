"""ftps: FTP after AUTH TLS, passive mode, from vsftpd and pyftpdlib, by lftp, curl and Python. Control and data
connections are 5-tuples of their own, and both belong to the class."""

import tempfile
from functools import cache
from pathlib import Path
from random import Random

from classes.base import TrafficClass, ports_filter
from content import document
from lab import RUN, SOURCES, USERS, Lab, Lease, hide, run

VSFTPD, VSFTPD_RSA, PYFTPDLIB = 21, 2121, 2100
HELD = 8


@cache
def start(lab: Lab) -> None:
    rng = Random("ftps")
    for user in USERS:
        folder = Path("/home", user, "public")
        folder.mkdir()
        for number in range(HELD):
            _name, data = document(rng, 60, 2500)
            (folder / f"file-{number}").write_bytes(data)
        run("chown", "-R", f"{user}:{user}", str(folder))
    hide("/etc/pam.d/vsftpd", "auth required pam_unix.so\naccount required pam_unix.so\nsession required pam_permit.so\n")
    for port, number, ports in ((VSFTPD, 0, "30000-30299"), (VSFTPD_RSA, 1, "30300-30599")):
        low, high = ports.split("-")
        path = RUN / "conf" / f"vsftpd-{port}.conf"
        path.write_text(f"""
listen=NO
listen_ipv6=YES
listen_port={port}
background=NO
anonymous_enable=NO
local_enable=YES
write_enable=YES
pasv_min_port={low}
pasv_max_port={high}
seccomp_sandbox=NO
secure_chroot_dir=/run/vsftpd/empty
pam_service_name=vsftpd
ssl_enable=YES
force_local_logins_ssl=YES
force_local_data_ssl=YES
require_ssl_reuse=NO
ssl_ciphers=HIGH
rsa_cert_file={lab.certificates[number].certificate}
rsa_private_key_file={lab.certificates[number].key}
xferlog_enable=NO
""")
        lab.serve(f"vsftpd-{port}", "vsftpd", str(path))
    pair = lab.certificates[2]
    lab.serve("pyftpdlib", "/usr/bin/python3", str(SOURCES / "servers" / "ftps_server.py"), str(PYFTPDLIB),
              str(pair.certificate), str(pair.key))
    lab.await_ports(VSFTPD, VSFTPD_RSA, PYFTPDLIB)


def session(lab: Lab, lease: Lease, rng: Random) -> None:
    client = rng.choice(("curl", "lftp", "ftplib"))
    # curl 7.88 and pyftpdlib 1.5 lose step: a reply "200" is read where EPSV's is due.
    port = rng.choice((VSFTPD, VSFTPD_RSA) if client == "curl" else (VSFTPD, VSFTPD_RSA, PYFTPDLIB))
    upload = rng.random() < 0.4
    with tempfile.TemporaryDirectory(dir=RUN) as folder:
        path = Path(folder, f"upload-{rng.randrange(10**6)}.{rng.choice(('dat', 'txt', 'zip'))}")
        path.write_bytes(document(rng, 60, 2500)[1])
        number = rng.randrange(HELD)
        if client == "curl":
            base = f"ftp://{lease.host}:{port}/"
            if upload:
                action = ["-T", str(path), base]
            else:
                action = rng.choice(([base + "public/"], [f"{base}public/file-{number}"], ["-l", base + "public/"]))
            limit = ["--tls-max", "1.2"] if rng.random() < 0.3 else []
            lab.client("curl", "-sS", "--ssl-reqd", "--cacert", str(lab.authority), *limit, "-u",
                       f"{lease.user}:{lease.password}", "-o", "/dev/null", *action)
        elif client == "lftp":
            commands = rng.sample(["ls public", "nlist public", "pwd"], rng.choice((0, 1)))
            commands.append(f"put {path}" if upload else f"get public/file-{number} -o {folder}/got")
            settings = (f"set ssl:ca-file {lab.authority}; set ftp:ssl-force yes; set ftp:ssl-protect-data yes; "
                        "set net:max-retries 1; set net:timeout 10; set cmd:fail-exit yes; ")
            lab.client("lftp", "-e", settings + f"open -u {lease.user},{lease.password} ftp://{lease.host}:{port}; "
                       + "; ".join(commands) + "; bye")
        else:
            lab.script("ftps_client.py", lab.authority, lease.host, port, lease.user, lease.password,
                       rng.randrange(2**32), path if upload else f"public/file-{number}", "put" if upload else "get")


CLASS = TrafficClass("ftps", "FTP with AUTH TLS, control and data: vsftpd, pyftpdlib; curl, lftp, ftplib",
                     ("vsftpd", "python3-pyftpdlib", "curl", "lftp"),
                     ports_filter("tcp", VSFTPD, VSFTPD_RSA, PYFTPDLIB, "30000-30999"), start, session, sessions=6)
