#!/usr/bin/env bash
# Everything a fresh Debian 12 with Node 20 needs to build flowglyph, in stages that are skipped when nothing changed.
#   scripts/setup.sh               packages, npm ci, native build, TypeScript build
#   scripts/setup.sh --build-only  the last two
#   FLOWGLYPH_WITHOUT_TORCH=1      build without the torch addon (everything but training works)
#   FLOWGLYPH_TORCH=DIR            an unpacked libtorch (the folder that holds lib/ and share/)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
mkdir -p .setup
exec 9>.setup/lock
flock 9

say() { printf 'setup: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }
did_something=0
started=$SECONDS

# stage NAME KEY: true (and a line that says so) when the stage has to run: KEY differs from the one of its last success.
stage() {
  local stamp=.setup/$1
  [ -f "$stamp" ] && [ "$(<"$stamp")" = "$2" ] && return 1
  did_something=1
  say "$3"
}
done_with() { printf '%s' "$2" >".setup/$1"; }
hash_of() { { find "$@" -type f -print0 2>/dev/null || true; } | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -c1-32; }
quietly() { # LOG COMMAND...: the output goes to a log, whose end is shown when the command fails
  local log=.setup/$1.log
  shift
  "$@" >"$log" 2>&1 || { tail -n 40 "$log" >&2; die "failed: $* (whole log: $log)"; }
}

# Build tools, SIMD, decompression, the C++ test framework. clang-format is for scripts/check.sh.
base_packages=(g++ make cmake ninja-build libhwy-dev zlib1g-dev liblzma-dev libzstd-dev doctest-dev clang-format-14)
# libtorch with OpenBLAS: with Debian's reference BLAS a training step takes 16 times as long.
torch_packages=(libtorch-dev libopenblas0-pthread)
# For scripts/trust.sh alone.
fuzz_packages=(clang-14 libclang-rt-14-dev)

# Where libtorch comes from: FLOWGLYPH_TORCH, then python's torch, then Debian's packages. Never two of them:
# CMake would link one's headers with the other's libc10.
torch_source() {
  if [ -n "${FLOWGLYPH_WITHOUT_TORCH:-}" ]; then echo none
  elif [ -n "${FLOWGLYPH_TORCH:-}" ]; then echo "folder $FLOWGLYPH_TORCH"
  elif python=$(python3 -c 'import importlib.util as u; s = u.find_spec("torch"); print(s.submodule_search_locations[0] if s and s.submodule_search_locations else "")' 2>/dev/null) &&
    [ -n "$python" ] && [ -d "$python/share/cmake/Torch" ]; then echo "python $python"
  else echo debian
  fi
}

missing_packages() {
  local package
  for package in "$@"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || printf '%s ' "$package"
  done
}

# Installs what is missing of the base packages and of these. Without the right to: names the one command, and goes on if only
# these are missing.
install_packages() { # OPTIONAL-PACKAGE...
  local base optional missing
  base=$(missing_packages "${base_packages[@]}")
  optional=$(missing_packages "$@")
  missing=$(echo $base $optional)
  [ -n "$missing" ] || return 0
  did_something=1
  if ! command -v apt-get >/dev/null; then
    say "no apt-get here: install the equivalents of these Debian packages: $missing"
  elif [ "$(id -u)" != 0 ]; then
    say "packages are missing, and only root may install them. Run as root: apt-get update && apt-get install -y --no-install-recommends $missing"
  else
    say "installing $missing"
    quietly apt-get-update apt-get update
    quietly apt-get-install env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing
    return
  fi
  [ -z "$base" ] || exit 1
  say "going on without $optional: training needs libtorch, fuzzing clang, the rest will work"
}

node_major=$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null) || die "Node.js 20.19 or newer is needed, and there is no 'node' on the PATH"
[ "$node_major" -ge 20 ] || die "Node.js 20.19 or newer is needed, this is $(node --version)"

torch=$(torch_source)
if [ "${1:-}" != --build-only ]; then
  # dpkg's own database tells whether anything was installed or removed since the last look.
  key="$(stat -c %Y /var/lib/dpkg/status 2>/dev/null || echo none) $torch ${base_packages[*]} ${torch_packages[*]} ${fuzz_packages[*]}"
  if stage packages "$key" "looking for Debian packages"; then
    if [ "$torch" = debian ]; then install_packages "${torch_packages[@]}" "${fuzz_packages[@]}"; else install_packages "${fuzz_packages[@]}"; fi
    done_with packages "$(stat -c %Y /var/lib/dpkg/status 2>/dev/null || echo none) $torch ${base_packages[*]} ${torch_packages[*]} ${fuzz_packages[*]}"
  fi
fi

key=$(hash_of package.json package-lock.json .npmrc)
[ -d node_modules ] || rm -f .setup/npm
# In a clone the lock file says what; npm packs none, so the package that somebody installed resolves anew.
npm_verb=$([ -f package-lock.json ] && echo ci || echo install)
if stage npm "$key" "npm $npm_verb"; then
  # Also said in the environment: a user's own npmrc may allow install scripts, and onnxruntime-node's must not run.
  quietly npm env ONNXRUNTIME_NODE_INSTALL=skip npm $npm_verb --ignore-scripts --no-audit --no-fund
  done_with npm "$key"
fi

[ -e build/Release/flowglyph_capture.node ] || rm -f .setup/native
# Debian's libtorch is one package: its list file's time says whether it came, went or changed.
key="$(hash_of CMakeLists.txt native package-lock.json) $torch $(stat -c %Y /var/lib/dpkg/info/libtorch-dev.list 2>/dev/null || echo absent)"
if stage native "$key" "building the native code (libtorch: $torch)"; then
  torch_option=ON
  [ "$torch" != none ] || { torch_option=OFF; rm -f build/Release/flowglyph_torch.node; }
  # CMake remembers where it found libtorch, and whether it was asked for one: another source is another configuration.
  [ "$(cat .setup/torch 2>/dev/null)" = "$torch" ] || rm -f build/CMakeCache.txt
  quietly native-configure node_modules/.bin/cmake-js configure --out build --CDFLOWGLYPH_TORCH=$torch_option
  quietly native node_modules/.bin/cmake-js build --out build
  printf '%s' "$torch" >.setup/torch
  if [ -e build/Release/flowglyph_torch.node ]; then
    say "built the capture addon and the torch addon"
  else
    say "built the capture addon; no libtorch was found, so everything but training works"
  fi
  done_with native "$key"
fi

[ -e dist/src/cli/main.js ] || rm -f .setup/typescript
key=$(hash_of src bindings tsconfig.json tsconfig.build.json package-lock.json)
if stage typescript "$key" "building TypeScript"; then
  rm -rf dist
  quietly typescript node_modules/.bin/tsc -p tsconfig.build.json
  chmod +x dist/src/cli/main.js
  done_with typescript "$key"
fi

if [ $did_something = 1 ]; then say "done in $((SECONDS - started)) s"; else say "nothing to do"; fi
