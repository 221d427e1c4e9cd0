"""Records the sample captures: starts the servers of every class, then goes through the classes file by file, and
writes a manifest with an independent count of what was recorded. Called by record.sh inside its namespaces.

The order is file 01 of every class, then file 02, and so on, each round in another order of classes: the time of
recording says nothing about the class.
"""

import argparse
import json
import re
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

from classes import (dns_over_tls, ftps, http2_streaming, https, imap_starttls, scp, smtp_starttls, srtp_voice,
                     ssh_interactive, websocket_chat, wireguard)
from classes.base import TrafficClass
from count import count
from lab import RUN, Lab, run

CLASSES: tuple[TrafficClass, ...] = (
    dns_over_tls.CLASS,
    ftps.CLASS,
    http2_streaming.CLASS,
    https.TLS12,
    https.TLS13,
    imap_starttls.CLASS,
    scp.CLASS,
    smtp_starttls.CLASS,
    srtp_voice.CLASS,
    ssh_interactive.CLASS,
    websocket_chat.CLASS,
    wireguard.CLASS,
)
AT_ONCE = 4  # sessions in flight: their packets interleave in a file


def record(lab: Lab, traffic: TrafficClass, path: Path, sessions: int, seed: str) -> None:
    def one(number: int) -> None:
        rng = Random(f"{seed}:{number}")
        lease = lab.lease(rng)
        try:
            traffic.session(lab, lease, rng)
        finally:
            lab.release(lease)

    with lab.capture(path, traffic.capture_filter), ThreadPoolExecutor(AT_ONCE) as pool:
        results = [pool.submit(one, number) for number in range(sessions)]
        for result in results:
            result.result()
        lab.drain()


def attempt(lab: Lab, traffic: TrafficClass, path: Path, sessions: int, seed: str) -> bool:
    try:
        record(lab, traffic, path, sessions, seed)
    except Exception:
        print(f"{path.name}: failed\n{traceback.format_exc()}", file=sys.stderr, flush=True)
        path.unlink(missing_ok=True)
        return False
    print(f"{path.name}: {count(path)} {path.stat().st_size} bytes", file=sys.stderr, flush=True)
    return True


def tool_versions(classes: list[TrafficClass]) -> dict[str, str]:
    packages = sorted({package for traffic in classes for package in traffic.packages} | {"tcpdump"})
    listing = run("dpkg-query", "-W", "-f", "${Package} ${Version}\n", *packages)
    return dict(line.split(" ", 1) for line in listing.splitlines())


def manifest(classes: list[TrafficClass], output: Path, seed: int) -> dict[str, object]:
    listed: dict[str, object] = {}
    for traffic in classes:
        files = []
        for path in sorted((output / traffic.name).glob("*.pcap")):
            counted = count(path)
            if counted["other"]:
                raise RuntimeError(f"{path} holds {counted['other']} packets that are neither TCP nor UDP")
            files.append({"file": f"{traffic.name}/{path.name}", "bytes": path.stat().st_size,
                          "packets": counted["packets"], "sessions": {"tcp": counted["tcp"], "udp": counted["udp"]}})
        listed[traffic.name] = {
            "description": traffic.description,
            "files": files,
            "packets": sum(entry["packets"] for entry in files),
            "sessions": {kind: sum(entry["sessions"][kind] for entry in files) for kind in ("tcp", "udp")},
        }
    return {"linkType": 1, "seed": seed, "packages": tool_versions(classes), "classes": listed}


def main() -> int:
    names = [traffic.name for traffic in CLASSES]
    parser = argparse.ArgumentParser(prog="record.sh")
    parser.add_argument("classes", nargs="*", metavar="CLASS", help=f"default: all of {' '.join(names)}")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--files", type=int, default=6)
    parser.add_argument("--sessions", type=int, help="sessions a file, in place of each class's own number")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    unknown = set(options.classes) - set(names)
    if unknown:
        parser.error(f"unknown class {', '.join(sorted(unknown))}: expected {', '.join(names)}")
    chosen = [traffic for traffic in CLASSES if not options.classes or traffic.name in options.classes]

    lab = Lab(options.seed)
    for traffic in chosen:
        traffic.start(lab)
        (options.output / traffic.name).mkdir(exist_ok=True)
        for old in (options.output / traffic.name).glob("*.pcap"):
            old.unlink()
    failures = 0
    for number in range(1, options.files + 1):
        for traffic in Random(f"{options.seed}:{number}").sample(chosen, len(chosen)):
            path = options.output / traffic.name / f"{traffic.name}-{number:02}.pcap"
            sessions, seed = options.sessions or traffic.sessions, f"{options.seed}:{traffic.name}:{number}"
            # Real clients on a busy machine time out now and then: a file gets a second try.
            failures += not (attempt(lab, traffic, path, sessions, seed) or attempt(lab, traffic, path, sessions, seed))
    if failures:
        for log in sorted((RUN / "logs").glob("*.log")):
            for line in log.read_text(errors="replace").splitlines()[-3:]:
                print(f"{log.name}: {line}", file=sys.stderr)
        print(f"{failures} files failed; the manifest was not written", file=sys.stderr)
        return 1
    if len(chosen) == len(CLASSES):
        text = json.dumps(manifest(chosen, options.output, options.seed), indent=2)
        # One line a file.
        text = re.sub(r"\{\s+(\"(?:file|tcp)\"[^{}]*(?:\{[^{}]*\})?\s*)\}", lambda m: re.sub(r"\s+", " ", m[0]), text)
        (options.output / "manifest.json").write_text(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
