"""ssh-interactive: a person types commands into a remote shell, key by key, and reads the answers."""

from random import Random

from classes.base import TrafficClass, ports_filter
from lab import Lab, Lease
from servers import ssh


def session(lab: Lab, lease: Lease, rng: Random) -> None:
    port = rng.choice(ssh.PORTS)
    client = rng.choice(("openssh", "openssh", "openssh", "dropbear", "putty"))
    target = f"{lease.user}@{lease.host}"
    if client == "openssh":
        argv = ["ssh", *ssh.openssh_options(lease, rng), "-p", str(port), target]
    elif client == "dropbear":
        argv = ["dbclient", "-y", "-y", "-p", str(port), target]
    else:
        argv = ["plink", "-ssh", "-t", *ssh.fingerprints(port), "-P", str(port), "-pw", lease.password, target]
    lab.script("ssh_typist.py", rng.randrange(2**32), lease.password, *argv)


CLASS = TrafficClass("ssh-interactive", "typing into a remote shell: OpenSSH, Dropbear; ssh, dbclient, plink",
                     ssh.PACKAGES, ports_filter("tcp", *ssh.PORTS), ssh.start, session,
                     sessions=10)
