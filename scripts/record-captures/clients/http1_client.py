"""http1_client.py AUTHORITY HOST PORT 1.2|1.3|any SEED USER-AGENT PATH...: a visit over one connection."""

import http.client
import random
import ssl
import sys
import time

authority, host, port, version, seed, agent, *paths = sys.argv[1:]
rng = random.Random(seed)
context = ssl.create_default_context(cafile=authority)
context.set_alpn_protocols(["http/1.1"])
if version == "1.2":
    context.maximum_version = ssl.TLSVersion.TLSv1_2
elif version == "1.3":
    context.minimum_version = ssl.TLSVersion.TLSv1_3
connection = http.client.HTTPSConnection(host, int(port), context=context, timeout=10)
for path in paths:
    connection.request("GET", path, headers={"User-Agent": agent, "Accept-Language": rng.choice(("en", "de,en;q=0.7", "*"))})
    if connection.getresponse().read() == b"":
        sys.exit(f"{path}: empty answer")
    time.sleep(rng.uniform(0.01, 0.15))
connection.close()
