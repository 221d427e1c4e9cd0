#!/usr/bin/env bash
# From nothing to verdicts: set up, turn the sample captures into a dataset, train the default model on a few labels with whole capture
# files held out, then classify those held-out captures through the exported ONNX file alone.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
started=$SECONDS
bash scripts/setup.sh

out=runs/demo
rm -rf "$out"
mkdir -p "$out"
step() { printf '\n$ %s\n' "$*"; "$@"; }
flowglyph() { node dist/src/cli/main.js "$@"; }

step flowglyph inspect test/captures
step flowglyph encode test/captures -o "$out/dataset"
step flowglyph train "$out/dataset" -o "$out/run" --split group --labels 40% --unlabeled all --seed 1
step flowglyph evaluate "$out/run" "$out/dataset"

# The captures that the split held out: the run names them, the model never saw them.
step flowglyph classify --captures-from "$out/run/test-captures.txt" --model "$out/run/model.onnx" -o "$out/verdicts.csv"
echo
node scripts/verdict-table.mjs "$out/verdicts.csv"
echo
echo "demo: done in $((SECONDS - started)) s; the verdicts are in $out/verdicts.csv, the model in $out/run/model.onnx"
