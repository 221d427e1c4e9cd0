"""http2_client.py AUTHORITY SEED USER-AGENT PLAYLIST SEGMENT...: a player that keeps a little ahead of its clock."""

import asyncio
import random
import ssl
import sys

import httpx

authority, seed, agent, playlist, *segments = sys.argv[1:]
rng = random.Random(seed)


async def main() -> None:
    context = ssl.create_default_context(cafile=authority)
    async with httpx.AsyncClient(http2=True, verify=context, headers={"User-Agent": agent}, trust_env=False) as client:
        (await client.get(playlist)).raise_for_status()
        if rng.random() < 0.4:  # buffer first: two segments at once
            await asyncio.gather(*(client.get(url) for url in segments[:2]))
            del segments[:2]
        for url in segments:
            response = await client.get(url)
            response.raise_for_status()
            if response.http_version != "HTTP/2":
                sys.exit(f"expected HTTP/2 but received {response.http_version}")
            await asyncio.sleep(rng.uniform(0.02, 0.25))


asyncio.run(main())
