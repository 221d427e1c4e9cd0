"""websocket-chat: chat rooms over wss, straight to a Python server or through nginx as a proxy."""

from functools import cache
from random import Random

from classes.base import TrafficClass, ports_filter
from content import USER_AGENTS
from lab import SOURCES, Lab, Lease
from servers import nginx

DIRECT = 8765


@cache
def start(lab: Lab) -> None:
    certificate = lab.certificates[2]
    lab.serve("websocket", "/usr/bin/python3", str(SOURCES / "servers" / "websocket_server.py"), str(DIRECT),
              str(nginx.WEBSOCKET_BACKEND), str(certificate.certificate), str(certificate.key))
    nginx.start(lab)
    lab.await_ports(DIRECT, nginx.WEBSOCKET_BACKEND)


def session(lab: Lab, lease: Lease, rng: Random) -> None:
    port = rng.choice((DIRECT, nginx.WEBSOCKET))
    library = rng.choice(("websockets", "websocket-client", "aiohttp"))
    lab.script("websocket_client.py", library, lab.authority, f"wss://{lease.host}:{port}/room/{rng.randrange(40)}",
               rng.randrange(2**32), rng.choice(USER_AGENTS))


CLASS = TrafficClass("websocket-chat", "chat over WebSocket and TLS: websockets, nginx proxy; websockets, "
                     "websocket-client, aiohttp", ("python3-websockets", "python3-websocket", "python3-aiohttp",
                     "nginx-light"), ports_filter("tcp", DIRECT, nginx.WEBSOCKET), start, session,
                     sessions=10)
