#!/usr/bin/env bash
# Fuzzing, the soak and the thread checks of core.
#   scripts/trust.sh                              short form of all, for CI
#   scripts/trust.sh fuzz [SECONDS] [TARGET...]   each target so long (default 3600), one after the other; needs clang-14
# What a target finds is left in build/fuzz/found; its corpus grows in build/fuzz/corpus and is used again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
mkdir -p .setup

say() { printf 'trust: %s\n' "$*"; }
launcher=$(command -v ccache >/dev/null && echo -DCMAKE_CXX_COMPILER_LAUNCHER=ccache || true)

build() { # FOLDER TARGET OPTION...
  local folder=$1 target=$2 log=.setup/${1//\//-}.log
  shift 2
  cmake -S . -B "$folder" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo $launcher "$@" >"$log" 2>&1 &&
    cmake --build "$folder" --target "$target" >>"$log" 2>&1 ||
    { tail -n 40 "$log"; say "the build in $folder failed"; exit 1; }
}

targets=($(sed -n 's/^set(fuzz_targets \(.*\))$/\1/p' test/fuzz/CMakeLists.txt))

fuzz() { # SECONDS TARGET...
  local seconds=$1 target failed=0
  shift
  command -v clang++-14 >/dev/null || { say "fuzzing needs clang: apt-get install clang-14 libclang-rt-14-dev"; exit 1; }
  build build/fuzz all -DCMAKE_C_COMPILER=clang-14 -DCMAKE_CXX_COMPILER=clang++-14 -DFLOWGLYPH_FUZZ=ON \
    -DFLOWGLYPH_SANITIZE=address,undefined
  for target in "$@"; do
    local corpus=build/fuzz/corpus/$target seeds=build/fuzz/seeds/$target log=build/fuzz/$target.log
    mkdir -p "$corpus" build/fuzz/found
    build/fuzz/test/fuzz/flowglyph_fuzz_seeds "$target" "$seeds" >/dev/null
    # A slow input is a find as well: nothing that small may take 10 s.
    nice -n 19 "build/fuzz/test/fuzz/flowglyph_fuzz_$target" -max_total_time="$seconds" -max_len=16384 -timeout=10 \
      -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="build/fuzz/found/$target-" \
      "$corpus" "$seeds" "test/fuzz/regressions/$target" >"$log" 2>&1 ||
      { failed=1; grep -vE '^#[0-9]+' "$log" | tail -n 60; say "$target: found something, see build/fuzz/found and $log"; }
    local runs edges
    runs=$(sed -n 's/^stat::number_of_executed_units: //p' "$log")
    edges=$(grep -oE ' cov: [0-9]+' "$log" | tail -n 1 | grep -oE '[0-9]+' || true)
    say "$target: ${runs:-0} executions, ${edges:-0} edges, $(find "$corpus" -type f | wc -l) inputs in the corpus"
    printf '%s\t%s\t%s\t%s\t%s\n' "$(git rev-parse --short HEAD)" "$target" "$seconds" "${runs:-0}" "${edges:-0}" >>build/fuzz/runs.tsv
  done
  return $failed
}

case ${1:-short} in
  fuzz)
    seconds=${2:-3600}
    shift $(($# > 1 ? 2 : 1))
    [ $# -gt 0 ] || set -- "${targets[@]}"
    fuzz "$seconds" "$@"
    ;;
  short) fuzz 15 "${targets[@]}" ;;
  *) sed -n '2,5s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
