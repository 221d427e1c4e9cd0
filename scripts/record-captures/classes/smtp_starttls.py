"""smtp-starttls: mail handed to a server after STARTTLS, to Postfix or to aiosmtpd, by four clients."""

from functools import cache
from random import Random

from classes.base import TrafficClass, ports_filter
from content import WORDS, blob, sentence, size, text
from lab import RUN, SOURCES, USERS, Lab, Lease, run, server_names

POSTFIX, POSTFIX_RSA, AIOSMTPD = 25, 587, 2525
DOMAIN = "birch.example"


@cache
def start(lab: Lab) -> None:
    folder = RUN / "conf" / "postfix"
    folder.mkdir()
    for name in ("queue", "data"):
        (RUN / "postfix" / name).mkdir(parents=True)
    run("chown", "postfix", str(RUN / "postfix" / "data"))
    (folder / "main.cf").write_text(f"""
compatibility_level = 3.6
myhostname = relay.{DOMAIN}
mydestination = {DOMAIN}
mynetworks = 10.77.0.0/16 [fd00:77::]/64
queue_directory = {RUN}/postfix/queue
data_directory = {RUN}/postfix/data
alias_maps =
alias_database =
local_recipient_maps =
local_transport = discard:accepted
default_transport = discard:accepted
inet_protocols = all
smtpd_peername_lookup = no
smtpd_tls_security_level = may
smtpd_tls_loglevel = 1
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
maillog_file_prefixes = {RUN}
maillog_file = {RUN}/logs/postfix.log
""")
    # A service for each address, so that each server greets with its own name.
    smtpd = "".join(
        f"[{address}]:{port} inet n - n - - smtpd\n  -o myhostname={name}\n"
        f"  -o smtpd_tls_chain_files={lab.certificates[number].key},{lab.certificates[number].certificate}\n"
        for port, number in ((POSTFIX, 0), (POSTFIX_RSA, 1)) for address, name in server_names().items())
    (folder / "master.cf").write_text(smtpd + """
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
proxymap unix - - n - - proxymap
postlog unix-dgram n - n - 1 postlogd
""")
    lab.serve("postfix", "postfix", "-c", str(folder), "start-fg")
    certificate = lab.certificates[2]
    lab.serve("aiosmtpd", "/usr/bin/python3", str(SOURCES / "servers" / "smtp_server.py"), str(AIOSMTPD),
              str(certificate.certificate), str(certificate.key))
    lab.await_ports(POSTFIX, POSTFIX_RSA, AIOSMTPD)


def message(rng: Random, sender: str, receivers: list[str]) -> str:
    body = text(rng, size(rng, 80, 3000))
    if rng.random() < 0.3:  # an attachment, as its encoding looks
        body += "\n\n" + "\n".join(blob(rng, 28).hex() for _ in range(rng.randint(3, 40)))
    return (f"From: {sender}\nTo: {', '.join(receivers)}\nSubject: {sentence(rng, 1, 8)}\n"
            f"Message-ID: <{rng.randrange(10**12)}@{DOMAIN}>\n\n{body}\n")


def session(lab: Lab, lease: Lease, rng: Random) -> None:
    port = rng.choice((POSTFIX, POSTFIX_RSA, AIOSMTPD))
    sender = f"{lease.user}@cirrus.example"
    receivers = [f"{name}@{DOMAIN}" for name in rng.sample(sorted(USERS), rng.choice((1, 1, 2, 3)))]
    mail = message(rng, sender, receivers)
    greeting = rng.choice((f"{lease.user}-{rng.choice(WORDS)}", rng.choice(WORDS), f"{rng.choice(WORDS)}-{rng.randrange(90)}"))
    greeting += rng.choice((".aurora.example", ".lan", ".home.arpa"))
    client = rng.choice(("curl", "smtplib", "msmtp") + (("swaks",) if lease.version == 4 else ()))  # needs more for IPv6
    if client == "curl":
        limit = ["--tls-max", "1.2"] if rng.random() < 0.3 else []
        lab.client("curl", "-sS", "--ssl-reqd", "--cacert", str(lab.authority), *limit, "--crlf", "--mail-from", sender,
                   *(part for receiver in receivers for part in ("--mail-rcpt", receiver)), "--upload-file", "-",
                   f"smtp://{lease.host}:{port}/{greeting}", input=mail)
    elif client == "smtplib":
        lab.script("smtp_client.py", lab.authority, lease.host, port, greeting, rng.choice((1, 1, 2)), sender, *receivers,
                   input=mail)
    elif client == "swaks":
        lab.client("swaks", "--tls", "--tls-sni", lease.host, "--server", f"{lease.host}:{port}", "--ehlo", greeting,
                   "--from", sender, "--to", ",".join(receivers), "--data", "-", lease.flag, "--hide-all", input=mail)
    else:
        lab.client("msmtp", f"--host={lease.host}", f"--port={port}", "--tls=on", "--tls-starttls=on",
                   f"--tls-trust-file={lab.authority}", f"--domain={greeting}", f"--from={sender}", "--auth=off", "--",
                   *receivers, input=mail)


CLASS = TrafficClass("smtp-starttls", "mail over SMTP with STARTTLS: Postfix, aiosmtpd; curl, smtplib, swaks, msmtp",
                     ("postfix", "python3-aiosmtpd", "curl", "swaks", "msmtp"),
                     ports_filter("tcp", POSTFIX, POSTFIX_RSA, AIOSMTPD), start, session,
                     sessions=10)
