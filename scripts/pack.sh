#!/usr/bin/env bash
# Packs the npm tarball with the capture addon of this platform inside, so that installing it compiles nothing.
# The torch addon is left out: it is bound to one libtorch. `npx flowglyph build torch` in a project that installed the
# package builds it.
#   scripts/pack.sh [DESTINATION]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
destination=${1:-.}
for built in build/Release/flowglyph_capture.node dist/src/index.js; do
  [ -e "$built" ] || { echo "pack: $built is missing; run npm run setup first" >&2; exit 1; }
done
platform=$(node -p '`${process.platform}-${process.arch}`')
mkdir -p "$destination"
# In a folder of its own until it is whole: two of these may run at a time.
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
strip --strip-unneeded -o "$made/flowglyph_capture.node" build/Release/flowglyph_capture.node
highway=$(ldd build/Release/flowglyph_capture.node | awk '$1 ~ /^libhwy/ { print $1, $3 }')
if [ -n "$highway" ]; then # looked for beside the addon first (its rpath is $ORIGIN)
  strip --strip-unneeded -o "$made/${highway% *}" "${highway#* }"
fi
mkdir -p "prebuilds/$platform"
chmod 644 "$made"/*
for file in "$made"/*; do mv "$file" "prebuilds/$platform/"; done
npm pack --ignore-scripts --silent --pack-destination "$destination"
