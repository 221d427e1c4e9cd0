"""What a class of traffic is: one file here, one row in run.py."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from lab import Lab, Lease


@dataclass(frozen=True)
class TrafficClass:
    name: str
    description: str
    packages: tuple[str, ...]  # whose versions the manifest records
    capture_filter: str  # pcap-filter(7): this class's traffic and no other
    start: Callable[[Lab], None]  # starts the servers; cached, since classes share some
    session: Callable[[Lab, Lease, Random], None]  # one client run, which may open several 5-tuples
    sessions: int = 11  # client runs a file


def ports_filter(protocol: str, *ports: int | str) -> str:
    return f"{protocol} and (" + " or ".join(f"portrange {p}" if "-" in str(p) else f"port {p}" for p in ports) + ")"
