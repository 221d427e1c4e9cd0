"""https-tls12 and https-tls13: browsing over HTTP/1.1. The two share servers, pages and clients; what differs is
the version that is agreed on, mostly because of the client, sometimes because of the server."""

from random import Random

from classes.base import TrafficClass, ports_filter
from content import USER_AGENTS, sentence
from lab import Lab, Lease
from servers import nginx

CIPHERS_12 = ("ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256", "ECDHE+CHACHA20:ECDHE+AESGCM",
              "ECDHE+AESGCM:DHE+AESGCM", "HIGH:!aNULL:!kRSA")
SUITES_13 = ("TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384",
             "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256")
# P-256 is in each: in TLS 1.2 the list also says which certificates are welcome.
CURVES = ("X25519:P-256", "P-256:P-384", "P-384:P-256", "P-521:X25519:P-256")


def visit(rng: Random) -> list[str]:
    """The paths of one visit: a page and some of what it shows."""
    return rng.sample(nginx.PAGES, rng.choice((1, 1, 2))) + rng.sample(nginx.ASSETS, rng.choice((0, 1, 1, 2, 3)))


def curl(lab: Lab, lease: Lease, rng: Random, port: int, version: str) -> None:
    arguments = ["curl", "-sS", "--cacert", str(lab.authority), "-A", rng.choice(USER_AGENTS)]
    if rng.random() < 0.8:
        arguments.append("--http1.1")  # else HTTP/2 is offered, and declined by the server
    if version == "1.2":
        if port != nginx.ONLY_12:
            arguments += ["--tls-max", "1.2"]
        if rng.random() < 0.5:
            arguments += ["--ciphers", rng.choice(CIPHERS_12)]
    elif rng.random() < 0.4:
        arguments += ["--tls13-ciphers", rng.choice(SUITES_13)]
    if rng.random() < 0.4:
        arguments += ["--curves", rng.choice(CURVES)]
    if rng.random() < 0.6:
        arguments.append("--compressed")
    if rng.random() < 0.4:
        arguments += ["-b", f"session={rng.randbytes(rng.randint(8, 24)).hex()}"]
    if rng.random() < 0.3:
        arguments += ["-e", f"https://{lease.host}/"]
    if rng.random() < 0.25:
        arguments += ["-d", f"q={sentence(rng)}", f"https://{lease.host}:{port}/form"]
    else:
        arguments += [f"https://{lease.host}:{port}{path}" for path in visit(rng)]
        arguments += ["--rate", f"{rng.choice((240, 600, 1200))}/m"]
    lab.client(*arguments)


def wget(lab: Lab, lease: Lease, rng: Random, port: int, version: str) -> None:
    protocol = ["--secure-protocol=TLSv1_2"] if version == "1.2" and port != nginx.ONLY_12 else []
    lab.client("wget", "-q", "-O", "/dev/null", f"--ca-certificate={lab.authority}", "-U", rng.choice(USER_AGENTS),
               *protocol, *(["--compression=gzip"] if rng.random() < 0.5 else []),
               *(f"https://{lease.host}:{port}{path}" for path in visit(rng)))


def python(lab: Lab, lease: Lease, rng: Random, port: int, version: str) -> None:
    limit = version if port != nginx.ONLY_12 else "any"
    lab.script("http1_client.py", lab.authority, lease.host, port, limit, rng.randrange(2**32), rng.choice(USER_AGENTS),
               *visit(rng))


def session12(lab: Lab, lease: Lease, rng: Random) -> None:
    port = rng.choice((nginx.ANY, nginx.ANY, nginx.ANY, nginx.ANY, nginx.ONLY_12))
    rng.choice((curl, curl, curl, wget, python))(lab, lease, rng, port, "1.2")


def session13(lab: Lab, lease: Lease, rng: Random) -> None:
    port = rng.choice((nginx.ANY, nginx.ANY, nginx.ANY, nginx.ONLY_13))
    rng.choice((curl, curl, curl, wget, python))(lab, lease, rng, port, "1.3")


PACKAGES = ("nginx-light", "curl", "wget", "python3")
FILTER = ports_filter("tcp", nginx.ANY, nginx.ONLY_12, nginx.ONLY_13)
TLS12 = TrafficClass("https-tls12", "browsing over HTTP/1.1 and TLS 1.2: nginx; curl, wget, Python http.client",
                     PACKAGES, FILTER, nginx.start, session12)
TLS13 = TrafficClass("https-tls13", "browsing over HTTP/1.1 and TLS 1.3: nginx; curl, wget, Python http.client",
                     PACKAGES, FILTER, nginx.start, session13)
