"""websocket_server.py TLS-PORT PLAIN-PORT CERTIFICATE KEY: chat rooms with a talkative bot in each. The plain port
is for the proxy on the same host."""

import asyncio
import json
import random
import ssl
import sys
from pathlib import Path

import websockets

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from content import sentence

tls_port, plain_port, certificate, key = sys.argv[1:]
rng = random.Random("chat")


async def room(connection) -> None:
    await connection.send(json.dumps({"event": "joined", "members": rng.randint(1, 30), "topic": sentence(rng)}))
    async for message in connection:
        await connection.send(json.dumps({"event": "seen", "length": len(message)}))
        for _ in range(rng.choice((0, 0, 1, 1, 2))):
            await asyncio.sleep(rng.uniform(0.01, 0.1))
            await connection.send(json.dumps({"event": "said", "by": rng.choice("abcdef"), "text": sentence(rng)}))


async def main() -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    async with (websockets.serve(room, None, int(tls_port), ssl=context, ping_interval=1, close_timeout=1,
                                 subprotocols=["chat"]),
                websockets.serve(room, "127.0.0.1", int(plain_port), close_timeout=1, subprotocols=["chat"])):
        await asyncio.Future()


asyncio.run(main())
