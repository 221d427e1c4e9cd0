"""websocket_client.py LIBRARY AUTHORITY URL SEED USER-AGENT: joins a room, says some things, leaves."""

import asyncio
import random
import ssl
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from content import sentence

library, authority, url, seed, agent = sys.argv[1:]
rng = random.Random(seed)
lines = [sentence(rng, 1, rng.choice((6, 20, 40))) for _ in range(rng.randint(2, 7))]
context = ssl.create_default_context(cafile=authority)
if rng.random() < 0.2:
    context.maximum_version = ssl.TLSVersion.TLSv1_2


def pause() -> float:
    return rng.uniform(0.02, 0.3)


async def with_websockets() -> None:
    import websockets

    compression = rng.choice(("deflate", None))
    async with websockets.connect(url, ssl=context, user_agent_header=agent, compression=compression) as connection:
        await connection.recv()
        for line in lines:
            await connection.send(line)
            await connection.recv()
            await asyncio.sleep(pause())


def with_websocket_client() -> None:
    import websocket

    options = {"ca_certs": authority}
    connection = websocket.create_connection(url, timeout=10, sslopt=options, header={"User-Agent": agent},
                                             subprotocols=rng.choice((None, ["chat"])))
    connection.recv()
    for line in lines:
        connection.send(line)
        connection.recv()
        time.sleep(pause())
    connection.close()


async def with_aiohttp() -> None:
    import aiohttp

    async with aiohttp.ClientSession(headers={"User-Agent": agent}) as client:
        async with client.ws_connect(url, ssl=context, compress=rng.choice((0, 15))) as connection:
            await connection.receive()
            for line in lines:
                await connection.send_str(line)
                await connection.receive()
                await asyncio.sleep(pause())


if library == "websockets":
    asyncio.run(with_websockets())
elif library == "aiohttp":
    asyncio.run(with_aiohttp())
else:
    with_websocket_client()
