"""dns-over-tls: questions to Unbound and to BIND over TLS, by kdig, dig and dnspython."""

from functools import cache
from random import Random

from classes.base import TrafficClass, ports_filter
from content import WORDS, text
from lab import RUN, Lab, Lease

UNBOUND, UNBOUND_RSA, BIND = 853, 8853, 5853
ZONES = ("birch.example", "aurora.example", "cirrus.example", "dunes.test")
TYPES = ("A", "A", "A", "AAAA", "MX", "TXT", "NS", "SOA", "SRV", "HTTPS")


def zone_lines(zone: str) -> list[str]:
    rng = Random(zone)
    lines = [f"{zone}. 3600 IN SOA ns1.{zone}. admin.{zone}. 2024010101 7200 900 86400 300",
             f"{zone}. 3600 IN NS ns1.{zone}.", f"ns1.{zone}. 3600 IN A 10.77.0.1"]
    for name in WORDS:
        for _ in range(rng.choice((1, 1, 2, 4))):
            lines.append(f"{name}.{zone}. 300 IN A 10.77.{rng.randrange(256)}.{rng.randrange(256)}")
        if rng.random() < 0.5:
            lines.append(f"{name}.{zone}. 300 IN AAAA fd00:77::{rng.randrange(65536):x}:{rng.randrange(65536):x}")
        if rng.random() < 0.3:
            lines.append(f"{name}.{zone}. 300 IN TXT \"{text(rng, rng.randint(20, 200))}\"".replace("\n", " "))
        if rng.random() < 0.2:
            lines.append(f"{name}.{zone}. 300 IN MX 10 mx{rng.randrange(9)}.{zone}.")
    return lines


@cache
def start(lab: Lab) -> None:
    data = {zone: zone_lines(zone) for zone in ZONES}
    local = "".join(f"  local-zone: \"{zone}\" static\n" + "".join(f"  local-data: '{line}'\n" for line in lines)
                    for zone, lines in data.items())
    for port, number in ((UNBOUND, 0), (UNBOUND_RSA, 1)):
        pair = lab.certificates[number]
        path = RUN / "conf" / f"unbound-{port}.conf"
        path.write_text(f"""
server:
  interface: 0.0.0.0@{port}
  interface: ::@{port}
  interface-automatic: no
  tls-port: {port}
  tls-service-key: {pair.key}
  tls-service-pem: {pair.certificate}
  do-udp: yes
  username: ""
  chroot: ""
  directory: {RUN}
  pidfile: ""
  use-syslog: no
  access-control: 0.0.0.0/0 allow
  access-control: ::/0 allow
  module-config: iterator
  local-zone: "." refuse
{local}
remote-control:
  control-enable: no
""")
        lab.serve(f"unbound-{port}", "unbound", "-d", "-c", str(path))
    folder = RUN / "conf" / "bind"
    folder.mkdir()
    for zone, lines in data.items():
        (folder / zone).write_text("\n".join(["$TTL 300", *lines]) + "\n")
    (folder / "root").write_text("$TTL 300\n. IN SOA ns1.birch.example. admin.birch.example. 1 7200 900 86400 300\n"
                                 ". IN NS ns1.birch.example.\n")  # ours too: no server asks elsewhere
    pair = lab.certificates[2]
    (folder / "named.conf").write_text(
        f"tls lab {{ cert-file \"{pair.certificate}\"; key-file \"{pair.key}\"; }};\n"
        f"options {{ directory \"{folder}\"; pid-file none; session-keyfile none; interface-interval 0; automatic-interface-scan no;"
        f" recursion no; dnssec-validation no; listen-on {{ none; }};"
        f" listen-on port {BIND} tls lab {{ any; }}; listen-on-v6 port {BIND} tls lab {{ any; }}; }};\ncontrols {{ }};\n"
        "zone \".\" { type primary; file \"root\"; };\n"
        + "".join(f"zone \"{zone}\" {{ type primary; file \"{zone}\"; }};\n" for zone in ZONES))
    lab.serve("named", "named", "-g", "-c", str(folder / "named.conf"))
    lab.await_ports(UNBOUND, UNBOUND_RSA, BIND)


def session(lab: Lab, lease: Lease, rng: Random) -> None:
    port = rng.choice((UNBOUND, UNBOUND, UNBOUND_RSA, BIND))
    questions = [(f"{rng.choice(WORDS)}.{rng.choice(ZONES)}", rng.choice(TYPES)) for _ in range(rng.choice((1, 2, 3, 5, 8)))]
    client = rng.choice(("kdig", "dig", "dnspython"))
    if client == "kdig":
        options = [f"+tls-ca={lab.authority}", f"+tls-hostname={lease.host}"] if rng.random() < 0.6 else ["+tls"]
        options += rng.choice((["+padding"], [], ["+nopadding"], ["+dnssec"]))
        lab.client("kdig", f"@{lease.address}", "-p", str(port), *options, "+keepopen",
                   *(part for name, kind in questions for part in ("-q", name, "-t", kind)))
    elif client == "dig":
        options = rng.choice(([], ["+padding=128"], ["+nocookie"], ["+dnssec"], ["+noedns"]))
        output = lab.client("dig", f"@{lease.address}", "-p", str(port), "+tls", "+keepopen", *options,
                            *(part for name, kind in questions for part in ("-q", name, "-t", kind)))
        if "status:" not in output:
            raise RuntimeError(f"dig has no answer: {output}")
    else:
        lab.script("dns_client.py", lab.authority, lease.host, lease.address, port, rng.randrange(2**32),
                   *(part for question in questions for part in question))


CLASS = TrafficClass("dns-over-tls", "DNS over TLS: Unbound, BIND; kdig, dig, dnspython",
                     ("unbound", "bind9", "bind9-dnsutils", "knot-dnsutils", "python3-dnspython"),
                     ports_filter("tcp", UNBOUND, UNBOUND_RSA, BIND), start, session)
