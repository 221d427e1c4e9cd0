"""The laboratory: two network namespaces joined by a veth pair, one pool of addresses, names, certificates and
users that all classes draw from, and the means to run servers, clients and tcpdump in it.

The pools are shared on purpose: no address, name, certificate or account belongs to one class. A session leases
one address on each side, and routes between the two decide the source addresses, so that the choice works with any
server and client, whether or not it can bind.

Runs inside the private namespaces that record.sh makes; ending those is the clean-up.
"""

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from random import Random

RUN = Path("/run/lab")
SOURCES = Path(__file__).resolve().parent
SERVER_LINK, CLIENT_LINK = "veth-server", "veth-client"
DOMAINS = ("aurora.example", "birch.example", "cirrus.example")
HOST_WORDS = ("amber", "basil", "cedar", "dune", "elm", "fern", "grove", "heron", "iris", "juniper", "kelp", "larch",
              "moss", "nimbus", "opal", "pine")
POOL = len(HOST_WORDS)  # server addresses, and client addresses, of each IP version
USERS = {"alice": "Rose-41-garden", "bruno": "Tin-77-whistle", "carla": "Blue-12-lagoon", "deniz": "Salt-93-harbor"}


def server_names() -> dict[str, str]:
    """Every server address and the name that a server on it gives itself in its greeting."""
    return {**{f"10.77.0.{index + 1}": f"{word}.{DOMAINS[0]}" for index, word in enumerate(HOST_WORDS)},
            **{f"fd00:77::{index + 1:x}": f"{word}.{DOMAINS[2]}" for index, word in enumerate(HOST_WORDS)}}


@dataclass(frozen=True)
class Certificate:
    certificate: Path
    key: Path


@dataclass(frozen=True)
class Lease:
    """What one session holds: a server address and a client address that nobody else uses meanwhile."""

    index: int  # of the server address
    number: int  # of the client address
    version: int
    host: str
    address: str
    client: str
    user: str
    password: str

    @property
    def bracketed(self) -> str:
        return f"[{self.address}]" if self.version == 6 else self.address

    @property
    def flag(self) -> str:
        return f"-{self.version}"


class Lab:
    def __init__(self, seed: int) -> None:
        self.servers: Queue[int] = Queue()
        self.clients: Queue[int] = Queue()
        self.processes: list[subprocess.Popen] = []
        self.authority = RUN / "tls" / "authority.pem"
        self.certificates: list[Certificate] = []
        for folder in ("tls", "logs", "client-home", "conf"):
            (RUN / folder).mkdir(parents=True)
        # Folders on /run that packages make at boot.
        for folder in ("/run/sshd", "/run/vsftpd/empty", "/run/wireguard", "/run/lock"):
            os.makedirs(folder, exist_ok=True)
        self._make_network()
        self._make_names()
        self._make_users()
        self._make_certificates()
        for name, queue in (("servers", self.servers), ("clients", self.clients)):
            for index in Random(f"{seed}:{name}").sample(range(POOL), POOL):
                queue.put(index)

    # Set-up --------------------------------------------------------------------------------------------------

    def _make_network(self) -> None:
        run("ip", "netns", "add", "server")
        run("ip", "netns", "add", "client")
        run("ip", "link", "add", SERVER_LINK, "address", "02:00:5e:10:00:01", "netns", "server", "type", "veth",
            "peer", "name", CLIENT_LINK, "address", "02:00:5e:10:00:02", "netns", "client")
        for name, link, part in (("server", SERVER_LINK, 0), ("client", CLIENT_LINK, 1)):
            # Without offloads the frames have real checksums and no segment exceeds the MTU.
            inside(name, "ethtool", "-K", link, "tx", "off", "rx", "off", "gso", "off", "gro", "off", "tso", "off")
            for number in range(1, POOL + 1):
                run("ip", "-n", name, "address", "add", f"10.77.{part}.{number}/16", "dev", link)
                run("ip", "-n", name, "address", "add", f"fd00:77::{part}:{number:x}/64", "dev", link, "nodad")
            run("ip", "-n", name, "link", "set", "lo", "up")
            run("ip", "-n", name, "link", "set", link, "up")

    def _make_names(self) -> None:
        """Two names with an IPv4 address and one with an IPv6 address for each server address."""
        lines = ["127.0.0.1 localhost relay", "::1 localhost"]
        for index, word in enumerate(HOST_WORDS):
            lines += [f"10.77.0.{index + 1} {word}.{domain}" for domain in DOMAINS[:2]]
            lines.append(f"fd00:77::{index + 1:x} {word}.{DOMAINS[2]}")
        hide("/etc/hosts", "\n".join(lines) + "\n")
        if Path("/etc/resolv.conf").exists():  # a link into /run, which is empty here, needs no hiding
            hide("/etc/resolv.conf", "nameserver 127.0.0.1\n")
        hide("/etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\nhosts: files\nservices: files\n")

    def _make_users(self) -> None:
        passwd = ["root:x:0:0:root:/run/lab/client-home:/bin/bash" if line.startswith("root:") else line
                  for line in Path("/etc/passwd").read_text().splitlines()]
        shadow, group = (Path(f"/etc/{name}").read_text().splitlines() for name in ("shadow", "group"))
        for number, (name, password) in enumerate(USERS.items(), 4000):
            hashed = run("openssl", "passwd", "-6", password).strip()
            passwd.append(f"{name}:x:{number}:{number}:{name}:/home/{name}:/bin/bash")
            shadow.append(f"{name}:{hashed}:19000:0:99999:7:::")
            group.append(f"{name}:x:{number}:")
            home = Path("/home", name)
            home.mkdir()
            (home / ".bashrc").write_text(f"PS1='{name}@relay:\\w\\$ '\n")
            (home / ".hushlogin").touch()
            run("chown", "-R", f"{number}:{number}", str(home))
        for name, lines in (("passwd", passwd), ("shadow", shadow), ("group", group)):
            hide(f"/etc/{name}", "\n".join(lines) + "\n", 0o640 if name == "shadow" else 0o644)

    def _make_certificates(self) -> None:
        """An authority and four certificates, two on P-256 and two RSA, each good for every name."""
        tls = RUN / "tls"
        curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
        run("openssl", "req", "-x509", *curve, "-nodes", "-days", "3650", "-subj", "/O=Laboratory/CN=Laboratory Root",
            "-keyout", str(tls / "authority.key"), "-out", str(self.authority))
        names = ",".join(f"DNS:*.{domain}" for domain in DOMAINS)
        for number, keys in enumerate((curve, ("-newkey", "rsa:2048"), curve, ("-newkey", "rsa:2048"))):
            key, request, path = (tls / f"server{number}.{end}" for end in ("key", "csr", "pem"))
            run("openssl", "req", *keys, "-nodes", "-subj", f"/CN=relay{number}.{DOMAINS[0]}", "-keyout", str(key),
                "-out", str(request), "-addext", f"subjectAltName={names}")
            run("openssl", "x509", "-req", "-in", str(request), "-CA", str(self.authority), "-CAkey",
                str(tls / "authority.key"), "-days", "3650", "-copy_extensions", "copy", "-out", str(path))
            if number >= 2:  # half of the servers send the whole chain
                path.write_text(path.read_text() + self.authority.read_text())
            self.certificates.append(Certificate(path, key))

    # Servers and clients -------------------------------------------------------------------------------------

    def serve(self, name: str, *argv: str, **options) -> subprocess.Popen:
        """Starts a server in the server namespace; its output goes to a log file."""
        log = open(RUN / "logs" / f"{name}.log", "wb")
        process = subprocess.Popen(enter("server", *argv), stdin=subprocess.DEVNULL, stdout=log, stderr=log, **options)
        self.processes.append(process)
        return process

    def await_ports(self, *ports: int, timeout: float = 15) -> None:
        """Waits until the TCP ports listen in the server namespace."""
        end = time.monotonic() + timeout
        wanted = set(ports)
        while wanted:
            lines = inside("server", "ss", "-Hltn").splitlines()
            wanted -= {int(line.split()[3].rsplit(":", 1)[1]) for line in lines}
            if wanted and time.monotonic() > end:
                raise RuntimeError(f"no server listens on {sorted(wanted)}; see {RUN}/logs")
            time.sleep(0.1)

    def await_log(self, name: str, text: str, timeout: float = 15) -> None:
        """Waits until a server has written the text to its log file."""
        end, path = time.monotonic() + timeout, RUN / "logs" / f"{name}.log"
        while text not in path.read_text(errors="replace"):
            if time.monotonic() > end:
                raise RuntimeError(f"{name} has not said '{text}': {path.read_text(errors='replace')[-1500:]}")
            time.sleep(0.05)

    def client(self, *argv: str, timeout: float = 30, status: tuple[int, ...] = (0,), **options) -> str:
        """Runs a client to its end in the client namespace and returns what it printed."""
        result = subprocess.run(enter("client", *argv), stdin=None if "input" in options else subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout, text=True,
                                errors="replace", cwd=RUN / "client-home", **options)
        if result.returncode not in status:
            raise RuntimeError(f"{' '.join(argv)}: exit status {result.returncode}\n{result.stdout[-1500:]}")
        return result.stdout

    def script(self, name: str, *arguments: object, **options) -> str:
        """Runs one of clients/*.py in the client namespace."""
        return self.client("/usr/bin/python3", str(SOURCES / "clients" / name), *map(str, arguments), **options)

    # Sessions ------------------------------------------------------------------------------------------------

    def lease(self, rng: Random, six: float = 0.25) -> Lease:
        index, number = self.servers.get(), self.clients.get()
        version = 6 if rng.random() < six else 4
        domain = DOMAINS[2] if version == 6 else rng.choice(DOMAINS[:2])
        address = f"fd00:77::{index + 1:x}" if version == 6 else f"10.77.0.{index + 1}"
        client = f"fd00:77::1:{number + 1:x}" if version == 6 else f"10.77.1.{number + 1}"
        for namespace, link, target, source in (("client", CLIENT_LINK, address, client),
                                                ("server", SERVER_LINK, client, address)):
            run("ip", "-n", namespace, f"-{version}", "route", "replace", f"{target}/{128 if version == 6 else 32}",
                "dev", link, "src", source)
        user = rng.choice(sorted(USERS))
        return Lease(index, number, version, f"{HOST_WORDS[index]}.{domain}", address, client, user, USERS[user])

    def release(self, lease: Lease) -> None:
        self.servers.put(lease.index)
        self.clients.put(lease.number)

    def drain(self, timeout: float = 6) -> None:
        """Waits until no TCP connection of a finished client is open, so that none leaks into the next file."""
        end = time.monotonic() + timeout
        query = ("ss", "-Htn", "state", "connected", "exclude", "time-wait", "exclude", "close-wait")
        while time.monotonic() < end and any("10.77." in sockets or "fd00:77:" in sockets for sockets in
                                             (inside("client", *query), inside("server", *query))):
            time.sleep(0.1)
        time.sleep(0.3)

    def capture(self, path: Path, expression: str) -> "Capture":
        return Capture(path, expression)


class Capture:
    """tcpdump on the server's end of the veth pair, whole frames, for the time of a with block."""

    def __init__(self, path: Path, expression: str) -> None:
        self.path, self.expression = path, expression

    def __enter__(self) -> "Capture":
        self.process = subprocess.Popen(
            enter("server", "tcpdump", "-i", SERVER_LINK, "-n", "-U", "-Z", "root", "-B", "16384",
                  "--immediate-mode", "-w", str(self.path), self.expression),
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        line = self.process.stderr.readline()
        while line and "listening on" not in line:
            line = self.process.stderr.readline()
        if not line:
            raise RuntimeError(f"tcpdump did not start for {self.path} with '{self.expression}'")
        return self

    def __exit__(self, *_error: object) -> None:
        self.process.send_signal(signal.SIGINT)
        report = self.process.communicate(timeout=10)[1]
        if "\n0 packets dropped by kernel" not in "\n" + report:
            raise RuntimeError(f"tcpdump lost packets of {self.path}: {report}")


def enter(namespace: str, *argv: str) -> list[str]:
    return ["nsenter", f"--net=/run/netns/{namespace}", "--", *argv]


def inside(namespace: str, *argv: str) -> str:
    return run(*enter(namespace, *argv))


def run(*argv: str) -> str:
    result = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            timeout=60)
    if result.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)}: exit status {result.returncode}\n{result.stdout}")
    return result.stdout


def hide(path: str, content: str, mode: int = 0o644) -> None:
    """Mounts our own version over a file, in this mount namespace alone."""
    ours = RUN / "conf" / Path(path).name
    ours.write_text(content)
    ours.chmod(mode)
    run("mount", "--bind", str(ours), path)
