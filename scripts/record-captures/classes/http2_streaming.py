"""http2-streaming: a playlist and its media segments over one HTTP/2 connection, paced by the player or the server."""

from random import Random

from classes.base import TrafficClass, ports_filter
from content import USER_AGENTS
from lab import Lab, Lease
from servers import nginx


def segments(rng: Random) -> list[str]:
    stream, count = rng.randrange(nginx.STREAMS), rng.randint(2, 6)
    first = rng.randrange(nginx.SEGMENTS - count)
    return [f"/live/stream-{stream}.m3u8"] + [f"/live/stream-{stream}-{first + n}.ts" for n in range(count)]


def session(lab: Lab, lease: Lease, rng: Random) -> None:
    port = rng.choice((nginx.H2, nginx.H2_SLOW, nginx.H2_ONLY_13))
    paths = segments(rng)
    urls = [f"https://{lease.host}:{port}{path}" for path in paths]
    client = rng.choice(("curl", "curl", "nghttp", "httpx"))
    if client == "curl":
        arguments = ["--tls-max", "1.2"] if port != nginx.H2_ONLY_13 and rng.random() < 0.3 else []
        arguments += rng.choice(([], ["--rate", "300/m"], ["--rate", "900/m"], ["--limit-rate", "40k"]))
        lab.client("curl", "-sS", "--http2", "--cacert", str(lab.authority), "-A", rng.choice(USER_AGENTS), *arguments,
                   "-o", "/dev/null", *[part for url in urls for part in (url, "-o", "/dev/null")][:-2])
    elif client == "nghttp":
        window = rng.choice(([], ["-w", "20"], ["-w", "16", "-W", "18"]))
        lab.client("nghttp", "-n", *window, "-H", f"user-agent: {rng.choice(USER_AGENTS)}", *urls)
    else:
        lab.script("http2_client.py", lab.authority, rng.randrange(2**32), rng.choice(USER_AGENTS), *urls)


CLASS = TrafficClass("http2-streaming", "media segments over HTTP/2 and TLS 1.2 or 1.3: nginx; curl, nghttp, httpx",
                     ("nginx-light", "curl", "nghttp2-client", "python3-httpx", "python3-h2"),
                     ports_filter("tcp", nginx.H2, nginx.H2_SLOW, nginx.H2_ONLY_13), nginx.start, session,
                     sessions=10)
