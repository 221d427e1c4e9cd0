"""dns_client.py AUTHORITY HOST ADDRESS PORT SEED (NAME TYPE)...: asks over one TLS connection, a few at a time."""

import random
import socket
import ssl
import sys
import time

import dns.message
import dns.query

authority, host, address, port, seed, *questions = sys.argv[1:]
rng = random.Random(seed)
context = ssl.create_default_context(cafile=authority)
if rng.random() < 0.5:
    context.set_alpn_protocols(["dot"])
if rng.random() < 0.2:
    context.maximum_version = ssl.TLSVersion.TLSv1_2
padding = rng.choice((0, 0, 128))
with context.wrap_socket(socket.create_connection((address, int(port)), 10), server_hostname=host) as connection:
    for name, kind in zip(questions[::2], questions[1::2]):
        query = dns.message.make_query(name, kind, use_edns=rng.random() < 0.7 or padding > 0, pad=padding)
        answer = dns.query.tls(query, address, timeout=10, sock=connection)
        if answer.id != query.id:
            sys.exit(f"{name}: the answer belongs to another question")
        time.sleep(rng.choice((0, 0, rng.uniform(0.01, 0.2))))
