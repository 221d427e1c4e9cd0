#!/usr/bin/env bash
# Sets up, then runs every test: the C++ core under AddressSanitizer and UBSan through CTest, then vitest. Ends with one count.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash scripts/setup.sh || exit 1

failed_stage=0
sanitized=build/sanitize
cmake -S . -B $sanitized -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DFLOWGLYPH_TESTS=ON \
  -DFLOWGLYPH_SANITIZE=address,undefined >.setup/sanitize.log 2>&1 &&
  cmake --build $sanitized >>.setup/sanitize.log 2>&1 ||
  { tail -n 40 .setup/sanitize.log; echo "test: the sanitizer build failed"; exit 1; }
(cd $sanitized && ctest --output-on-failure --no-tests=error --output-junit ctest.xml) || failed_stage=1

rm -f .setup/vitest.json
node_modules/.bin/vitest run --reporter=default --reporter=json --outputFile.json=.setup/vitest.json "$@" || failed_stage=1

node scripts/count-tests.mjs $sanitized/ctest.xml .setup/vitest.json || failed_stage=1
exit $failed_stage
