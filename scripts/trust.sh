#!/usr/bin/env bash
# Fuzzing, the soak and the thread checks of core.
#   scripts/trust.sh                              the short form of all three, for CI
#   scripts/trust.sh fuzz [SECONDS] [TARGET...]   each target so long (3600), one after the other; needs clang
#   scripts/trust.sh soak [SECONDS] [PATH...]     captures cut and damaged, under ASan and UBSan; at most so long (3600)
#   scripts/trust.sh threads [SECONDS] [PATH...]  the tests of threads and the soak (600), under TSan
# Without a PATH the soak takes captures of its own making, test/captures, and the conformance captures where they are
# (FLOWGLYPH_DATA, or ../shared/data). What fuzzing finds is left in build/fuzz/found; its corpus grows in
# build/fuzz/corpus and is used again. What the soak finds is left in build/soak-found.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
mkdir -p .setup

say() { printf 'trust: %s\n' "$*"; }
launcher=$(command -v ccache >/dev/null && echo -DCMAKE_CXX_COMPILER_LAUNCHER=ccache || true)

build() { # FOLDER "TARGET..." OPTION...
  local folder=$1 wanted=$2 log=.setup/${1//\//-}.log
  shift 2
  cmake -S . -B "$folder" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo $launcher "$@" >"$log" 2>&1 &&
    cmake --build "$folder" --target $wanted >>"$log" 2>&1 ||
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
    local corpus=build/fuzz/corpus/$target seeds=build/fuzz/seeds/$target log=build/fuzz/$target.log runs edges
    mkdir -p "$corpus" build/fuzz/found
    build/fuzz/test/fuzz/flowglyph_fuzz_seeds "$target" "$seeds" >/dev/null
    # A slow input is a find as well: nothing that small may take 10 s.
    nice -n 19 "build/fuzz/test/fuzz/flowglyph_fuzz_$target" -max_total_time="$seconds" -max_len=4096 -timeout=10 \
      -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="build/fuzz/found/$target-" \
      "$corpus" "$seeds" "test/fuzz/regressions/$target" >"$log" 2>&1 ||
      { failed=1; grep -vE '^#[0-9]+' "$log" | tail -n 60; say "$target: found something, see build/fuzz/found and $log"; }
    runs=$(sed -n 's/^stat::number_of_executed_units: //p' "$log")
    edges=$(grep -oE ' cov: [0-9]+' "$log" | tail -n 1 | grep -oE '[0-9]+' || true)
    say "$target: ${runs:-0} executions, ${edges:-0} edges, $(find "$corpus" -type f | wc -l) inputs in the corpus"
    printf '%s\t%s\t%s\t%s\t%s\n' "$(git rev-parse --short HEAD)" "$target" "$seconds" "${runs:-0}" "${edges:-0}" >>build/fuzz/runs.tsv
  done
  return $failed
}

soak() { # FOLDER SECONDS PATH...
  local folder=$1 seconds=$2 conformance=${FLOWGLYPH_DATA:-../shared/data}/conformance
  shift 2
  if [ $# = 0 ]; then
    set -- --own test/captures
    if [ -d "$conformance" ]; then set -- "$@" "$conformance"; else say "no conformance captures in $conformance"; fi
  fi
  "${without_aslr[@]}" "$folder/test/fuzz/flowglyph_soak" --seconds "$seconds" --passes 9 --seed "${SOAK_SEED:-1}" \
    --found build/soak-found "$@"
}
without_aslr=()

under_asan() { # SECONDS PATH...
  build build/sanitize flowglyph_soak -DFLOWGLYPH_TESTS=ON -DFLOWGLYPH_SANITIZE=address,undefined
  soak build/sanitize "$@"
}

# A third build: the short form leaves the tests out of it, half of its time, and keeps the soak, whose captures go through
# several threads too.
under_tsan() { # all|soak SECONDS PATH...
  local what=$1
  shift
  build build/tsan "flowglyph_soak $([ "$what" = soak ] || echo flowglyph_core_test)" -DFLOWGLYPH_TESTS=ON \
    -DFLOWGLYPH_SANITIZE=thread
  export TSAN_OPTIONS=halt_on_error=1
  # TSan of GCC 12 does not know where newer kernels put things.
  if setarch "$(uname -m)" -R true 2>/dev/null; then without_aslr=(setarch "$(uname -m)" -R); fi
  # Left out: how a child process dies of a signal; under TSan it exits with TSan's code.
  [ "$what" = soak ] || "${without_aslr[@]}" build/tsan/test/native/flowglyph_core_test \
    "--test-suite=session engine,record source,live input,follow,merge,mapped input" "--test-case-exclude=*ends the process*"
  soak build/tsan "$@"
}

case ${1:-short} in
  fuzz)
    seconds=${2:-3600}
    shift $(($# > 1 ? 2 : 1))
    [ $# -gt 0 ] || set -- "${targets[@]}"
    fuzz "$seconds" "$@"
    ;;
  soak) under_asan "${2:-3600}" "${@:3}" ;;
  threads) under_tsan all "${2:-600}" "${@:3}" ;;
  short)
    # Each in a shell of its own: the sanitizers' settings stay apart.
    (under_asan 60 --own test/captures)
    (under_tsan soak 30 --own test/captures)
    (fuzz 12 "${targets[@]}")
    ;;
  *) sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
