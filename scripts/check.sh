#!/usr/bin/env bash
# Lint, format and type checks. Changes nothing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash scripts/setup.sh
node_modules/.bin/biome ci --colors=off --error-on-warnings .
git ls-files -z '*.cpp' '*.hpp' | xargs -0 clang-format-14 --dry-run --Werror
node_modules/.bin/tsc --noEmit
echo "check: lint, format and types are clean"
