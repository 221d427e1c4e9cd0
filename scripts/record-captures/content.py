"""Seeded content: what the sessions carry. The same seed gives the same pages, mails, files and commands; the
bytes on the wire still differ from run to run, since every protocol here is encrypted."""

import json
from random import Random

WORDS = (
    "amber anchor apple arrow atlas autumn badge basin beacon birch blanket bridge bronze button cabin canvas "
    "carbon castle cedar chapel cherry circle citrus clover cobalt copper coral cotton cradle crystal delta desert "
    "dragon drift eagle echo ember engine falcon feather fennel field filter flint forest fossil frost galaxy garden "
    "ginger glacier granite gravel hammer harbor hazel hollow honey horizon indigo island ivory jacket jasmine jungle "
    "kettle lantern laurel lemon linen lotus magnet maple marble meadow mirror mosaic nectar needle nickel oasis "
    "ocean olive orbit orchard oxygen paper pebble pepper pigeon pillow planet pocket prairie prism quarry quartz "
    "rabbit raven ribbon river saddle saffron sailor sandal shadow silver sketch spiral spring stone summer sunset "
    "tablet tempo thunder timber tunnel turnip valley velvet violet walnut whisper willow window winter yellow zephyr"
).split()

USER_AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36",
    "curl/7.88.1",
    "Wget/1.21.3",
    "python-requests/2.31.0",
    "okhttp/4.12.0",
    "Lynx/2.9.0",
    "feed-reader/3.1 (+https://reader.example/)",
)


def size(rng: Random, low: int, high: int) -> int:
    """A size in bytes, log-uniform: small ones are as common as they are on real servers."""
    return int(low * (high / low) ** rng.random())


def sentence(rng: Random, low: int = 3, high: int = 14) -> str:
    return " ".join(rng.choice(WORDS) for _ in range(rng.randint(low, high))).capitalize() + rng.choice(".....?!")


def text(rng: Random, length: int) -> str:
    parts: list[str] = []
    total = 0
    while total < length:
        parts.append(sentence(rng) + rng.choice((" ", " ", " ", "\n")))
        total += len(parts[-1])
    return "".join(parts)[:length]


def page(rng: Random, length: int) -> bytes:
    body = "".join(f"<p>{sentence(rng)}</p>\n" for _ in range(max(1, length // 70)))
    title = sentence(rng, 2, 4)
    return f"<!doctype html><title>{title}</title><h1>{title}</h1>\n{body}".encode()


def records(rng: Random, length: int) -> bytes:
    rows = [{"id": rng.randrange(10**6), "name": rng.choice(WORDS), "value": round(rng.gauss(0, 50), 3)}
            for _ in range(max(1, length // 60))]
    return json.dumps(rows).encode()


def blob(rng: Random, length: int) -> bytes:
    """Bytes that do not compress: images, media segments, archives."""
    return rng.randbytes(length)


def document(rng: Random, low: int, high: int) -> tuple[str, bytes]:
    """A file: name and bytes."""
    kind = rng.choice(("txt", "html", "json", "bin", "csv"))
    length = size(rng, low, high)
    data = {"txt": lambda: text(rng, length).encode(), "html": lambda: page(rng, length),
            "json": lambda: records(rng, length), "bin": lambda: blob(rng, length),
            "csv": lambda: "".join(f"{rng.random():.6f},{rng.choice(WORDS)}\n" for _ in range(length // 16 + 1)).encode(),
            }[kind]()
    return f"{rng.choice(WORDS)}-{rng.randrange(1000)}.{kind}", data
