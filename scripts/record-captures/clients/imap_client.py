"""imap_client.py AUTHORITY HOST PORT USER PASSWORD SEED: looks into a mailbox as a mail program does."""

import imaplib
import random
import ssl
import sys
import time

authority, host, port, user, password, seed = sys.argv[1:]
rng = random.Random(seed)
connection = imaplib.IMAP4(host, int(port), timeout=10)
connection.starttls(ssl.create_default_context(cafile=authority))
connection.login(user, password)
if rng.random() < 0.5:
    connection.list()
status, counts = connection.select(rng.choice(("INBOX", "INBOX", "Archive")), readonly=rng.random() < 0.5)
if status != "OK":
    sys.exit(f"select: {counts}")
total = int(counts[0])
for _ in range(rng.randint(1, 4)):
    time.sleep(rng.uniform(0.01, 0.15))
    number = str(rng.randint(1, total))
    action = rng.choice(("search", "headers", "body", "flags", "idle"))
    if action == "search":
        connection.search(None, rng.choice(("UNSEEN", "ALL", '(FROM "alice")', "(SINCE 5-Jan-2024)")))
    elif action == "headers":
        connection.fetch(f"1:{min(3, total)}", "(FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT FROM)])")
    elif action == "body":
        connection.fetch(number, "(RFC822)")
    elif action == "flags":
        connection.fetch("1:*", "(FLAGS)")
    else:
        connection.noop()
connection.logout()
