#!/usr/bin/env bash
# Lays the sample captures out as `flowglyph reproduce --data` wants the published image sets: their names and views, our own
# images. For trying the command and for CI, where the published sets are not there.
#   scripts/stand-in-data.sh FOLDER
set -euo pipefail
[ $# -eq 1 ] || { echo "usage: scripts/stand-in-data.sh FOLDER" >&2; exit 2; }
mkdir -p "$1"
out=$(cd "$1" && pwd)
cd "$(dirname "${BASH_SOURCE[0]}")/.."
for set in iscx12 ustc20; do
  node dist/src/cli/main.js encode test/captures -o "$out/$set/SessionAllLayers" --view pcap --mask none --format idx
  node dist/src/cli/main.js encode test/captures -o "$out/$set/SessionL7" --view l7 --mask none --format idx
done
