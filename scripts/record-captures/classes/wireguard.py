"""wireguard: a tunnel for one short visit: two wireguard-go ends, a handshake, then pings or pages inside. Of
the tunnel only the outer UDP datagrams cross the veth pair and are recorded."""

import subprocess
import time
from functools import cache
from pathlib import Path
from random import Random

from classes.base import TrafficClass
from content import WORDS, blob, size
from lab import RUN, Lab, Lease, enter, inside, run

INNER_PAGES, INNER_PORT = 10, 8080


@cache
def start(lab: Lab) -> None:
    rng = Random("wireguard")
    root = RUN / "inner-www"
    root.mkdir()
    for number in range(INNER_PAGES):
        (root / f"{number}.bin").write_bytes(blob(rng, size(rng, 100, 3000)))
    lab.serve("inner-www", "/usr/bin/python3", "-m", "http.server", str(INNER_PORT), "--directory", str(root))
    lab.await_ports(INNER_PORT)


def tunnel(namespace: str, name: str, address: str, key: str, port: int) -> subprocess.Popen:
    """One end: a user-space WireGuard device with its key, UDP port and inner address."""
    process = subprocess.Popen(enter(namespace, "wireguard-go", "-f", name), stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={"PATH": "/usr/bin:/usr/sbin"})
    socket = Path(f"/run/wireguard/{name}.sock")
    for _ in range(100):
        if socket.exists():
            break
        run("sleep", "0.05")
    private = RUN / "conf" / f"{name}.key"
    private.write_text(key)
    inside(namespace, "wg", "set", name, "listen-port", str(port), "private-key", str(private))
    run("ip", "-n", namespace, "address", "add", f"{address}/30", "dev", name)
    run("ip", "-n", namespace, "link", "set", name, "mtu", "1420", "up")
    return process


def public(key: str) -> str:
    return subprocess.run(["wg", "pubkey"], input=key, capture_output=True, text=True, check=True).stdout.strip()


def session(lab: Lab, lease: Lease, rng: Random) -> None:
    keys = {side: run("wg", "genkey").strip() for side in ("server", "client")}
    inner = {"server": f"10.88.{lease.index}.1", "client": f"10.88.{lease.index}.2"}
    names = {"server": f"wgs{lease.index}", "client": f"wgc{lease.index}"}
    port = 51820 + lease.index  # nobody else's, as the address
    ends = [tunnel("server", names["server"], inner["server"], keys["server"], port),
            tunnel("client", names["client"], inner["client"], keys["client"], rng.randrange(32768, 51000))]
    try:
        inside("server", "wg", "set", names["server"], "peer", public(keys["client"]), "allowed-ips", f"{inner['client']}/32")
        inside("client", "wg", "set", names["client"], "peer", public(keys["server"]), "allowed-ips", f"{inner['server']}/32",
               "endpoint", f"{lease.bracketed}:{port}", *rng.choice(([], [], ["persistent-keepalive", "1"])))
        for _ in range(rng.choice((1, 1, 2, 3))):
            time.sleep(rng.choice((0, rng.uniform(0, 0.4))))
            use(lab, inner["server"], rng)
    finally:
        for end in ends:
            end.terminate()
            end.wait(10)


def use(lab: Lab, server: str, rng: Random) -> None:
    """Traffic inside the tunnel."""
    kind = rng.choice(("ping", "page", "pages", "query"))
    url = f"http://{server}:{INNER_PORT}/"
    if kind == "ping":
        lab.client("ping", "-n", "-q", "-c", str(rng.randint(1, 5)), "-i", f"{rng.uniform(0.05, 0.3):.2f}", "-s",
                   str(rng.choice((56, 56, 120, 400))), server)
    elif kind == "query":
        lab.client("curl", "-sS", "-o", "/dev/null", url + "0.bin?" + "+".join(rng.sample(WORDS, rng.randint(1, 40))))
    else:
        lab.client("curl", "-sS", *(part for number in rng.sample(range(INNER_PAGES), 1 if kind == "page" else 2)
                                    for part in ("-o", "/dev/null", f"{url}{number}.bin")))


CLASS = TrafficClass("wireguard", "a WireGuard tunnel with pings and pages inside: wireguard-go",
                     ("wireguard-go", "wireguard-tools", "curl", "iputils-ping"), "udp and portrange 51820-51835",
                     start, session)
