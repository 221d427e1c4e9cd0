"""imap-starttls: mailboxes read after STARTTLS, from Dovecot, by three clients."""

import tempfile
from functools import cache
from pathlib import Path
from random import Random

from classes.base import TrafficClass, ports_filter
from content import sentence, size, text
from lab import DOMAINS, RUN, USERS, Lab, Lease, run, server_names

PORTS = (143, 1143, 10143)
MAILS, FOLDERS = 14, ("INBOX", "Archive", "Drafts")


@cache
def start(lab: Lab) -> None:
    rng = Random("imap")
    mail = RUN / "mail"
    for user in USERS:
        for folder in FOLDERS:
            box = mail / user / ("" if folder == "INBOX" else f".{folder}")
            for part in ("new", "cur", "tmp"):
                (box / part).mkdir(parents=True, exist_ok=True)
            for number in range(MAILS if folder == "INBOX" else 4):
                (box / "cur" / f"{1700000000 + number}.M{number}.relay:2,{rng.choice(('', 'S', 'RS'))}").write_text(
                    f"From: {rng.choice(sorted(USERS))}@{rng.choice(DOMAINS)}\nTo: {user}@{DOMAINS[0]}\n"
                    f"Subject: {sentence(rng, 1, 8)}\nDate: Mon, {number + 1:02} Jan 2024 10:{number:02}:00 +0000\n\n"
                    f"{text(rng, size(rng, 80, 700))}\n")
    run("chown", "-R", "mail:mail", str(mail))
    listeners = "".join(f"  inet_listener imap{port} {{\n    port = {port}\n  }}\n" for port in PORTS)
    # The name that the client asks for decides between the certificates.
    names = "".join(
        f"local_name *.{domain} {{\n  ssl_cert = <{pair.certificate}\n  ssl_key = <{pair.key}\n}}\n"
        for domain, pair in zip(DOMAINS, lab.certificates[1:]))
    names += "".join(f"local {address} {{\n  protocol imap {{\n    login_greeting = {name} ready.\n  }}\n}}\n"
                     for address, name in server_names().items())
    path = RUN / "conf" / "dovecot.conf"
    path.write_text(f"""
protocols = imap
base_dir = {RUN}/dovecot
log_path = {RUN}/logs/dovecot.log
mail_location = maildir:{mail}/%u
first_valid_uid = 1
mail_max_userip_connections = 50
ssl = required
ssl_cert = <{lab.certificates[0].certificate}
ssl_key = <{lab.certificates[0].key}
ssl_min_protocol = TLSv1.2
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {RUN}/conf/dovecot-users
}}
userdb {{
  driver = static
  args = uid=mail gid=mail home={mail}/%u
}}
service imap-login {{
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    port = 0
  }}
{listeners}}}
{names}""")
    (RUN / "conf" / "dovecot-users").write_text("".join(f"{user}:{word}\n" for user, word in USERS.items()))
    lab.serve("dovecot", "dovecot", "-F", "-c", str(path))
    lab.await_ports(*PORTS)


def session(lab: Lab, lease: Lease, rng: Random) -> None:
    port = rng.choice(PORTS)
    client = rng.choice(("curl", "imaplib", "imaplib", "mbsync"))
    if client == "curl":
        folder = rng.choice(FOLDERS)
        limit = ["--tls-max", "1.2"] if rng.random() < 0.3 else []
        request = rng.choice((["-X", "STATUS INBOX (MESSAGES UNSEEN)"], ["-X", "LIST \"\" *"], ["-X", "FETCH 1:4 FLAGS"],
                              ["mail"], ["mail"]))
        base = f"imap://{lease.host}:{port}/{folder}"
        arguments = [f"{base};MAILINDEX={rng.randint(1, 4)}"] if request == ["mail"] else [base, *request]
        lab.client("curl", "-sS", "--ssl-reqd", "--cacert", str(lab.authority), *limit, "-u",
                   f"{lease.user}:{lease.password}", *arguments)
    elif client == "imaplib":
        lab.script("imap_client.py", lab.authority, lease.host, port, lease.user, lease.password, rng.randrange(2**32))
    else:
        with tempfile.TemporaryDirectory(dir=RUN) as folder:
            path = Path(folder, "mbsyncrc")
            path.write_text(f"""
IMAPAccount lab
Host {lease.host}
Port {port}
User {lease.user}
Pass {lease.password}
SSLType STARTTLS
CertificateFile {lab.authority}
PipelineDepth {rng.choice((1, 4, 20))}

IMAPStore remote
Account lab

MaildirStore local
Path {folder}/
Inbox {folder}/inbox

Channel mail
Far :remote:{rng.choice(("Archive", "Drafts"))}
Near :local:copy
Create Near
Sync Pull
MaxMessages {rng.randint(1, 4)}
ExpireUnread yes
SyncState {folder}/
""")
            lab.client("mbsync", "-q", "-c", str(path), "mail")


CLASS = TrafficClass("imap-starttls", "mailboxes over IMAP with STARTTLS: Dovecot; curl, imaplib, mbsync",
                     ("dovecot-imapd", "curl", "isync", "python3"), ports_filter("tcp", *PORTS), start, session,
                     sessions=10)
