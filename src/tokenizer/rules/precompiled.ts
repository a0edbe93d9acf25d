import { keeping, type Normalizer } from "./normalizer.ts";
import { onlyWith, type Rule, textOf, unmet } from "./rule.ts";

/**
 * SentencePiece's table of replacements: a double-array trie of UTF-8, then the replacements, each ended by a zero byte.
 * A cluster of less than six bytes is looked up as a whole, others character by character; the shortest key that it
 * begins with decides, as the `tokenizers` package has it.
 */
export function precompiled(rule: Rule): Normalizer {
  onlyWith(rule, "precompiled_charsmap");
  const table = Buffer.from(textOf(rule, "precompiled_charsmap"), "base64");
  const trieBytes = table.length >= 4 ? table.readUInt32LE(0) : 0;
  if (trieBytes < 4 || trieBytes % 4 !== 0 || 4 + trieBytes > table.length) throw unmet(rule, "precompiled_charsmap");
  const units = Uint32Array.from({ length: trieBytes / 4 }, (_, i) => table.readUInt32LE(4 + 4 * i));
  const replacements = table.subarray(4 + trieBytes);
  const clusters = new Intl.Segmenter("en", { granularity: "grapheme" });

  const replacementOf = (bytes: Uint8Array): string | null => {
    const at = shortestKey(units, bytes);
    if (at === null) return null;
    const end = replacements.indexOf(0, at);
    return replacements.toString("utf8", at, end < 0 ? replacements.length : end);
  };
  const encoder = new TextEncoder();
  return keeping((text) => {
    let made = "";
    for (const { segment } of clusters.segment(text)) {
      const bytes = encoder.encode(segment);
      const whole = bytes.length < 6 ? replacementOf(bytes) : null;
      if (whole !== null) made += whole;
      else for (const char of segment) made += replacementOf(encoder.encode(char)) ?? char;
    }
    return made;
  });
}

/** The value of the shortest key that the bytes begin with; null: there is none. */
function shortestKey(units: Uint32Array, bytes: Uint8Array): number | null {
  let node = offsetOf(units[0] ?? 0);
  for (const byte of bytes) {
    if (byte === 0) return null;
    node ^= byte;
    const unit = units[node] ?? 0;
    if ((unit & 0x800000ff) >>> 0 !== byte) return null;
    node ^= offsetOf(unit);
    if ((unit >>> 8) & 1) return (units[node] ?? 0) & 0x7fffffff;
  }
  return null;
}

function offsetOf(unit: number): number {
  return (unit >>> 10) << ((unit & 0x200) >>> 6);
}
