/** Names of statistics as people read them: `entropy_bits` is entropy, in bits. */

/** What a name ends in, its unit, and whether only the unit says it. */
const UNITS: readonly (readonly [ending: string, unit: string, dropped: boolean])[] = [
  ["_nats", "nats", true],
  ["_bits", "bits", true],
  ["_share", "share", false],
  ["_count", "count", false],
  ["_norm", "norm", false],
  ["_ratio", "ratio", false],
  ["_per_cell", "weight", false],
];

/** Parts of names that are not words. */
const WRITTEN: Readonly<Record<string, string>> = {
  kl: "KL",
  mlp: "MLP",
  attn: "attention",
  resid: "residual",
  top1: "top-1",
  cka: "CKA",
};

/** The first letter large. */
export function titleOf(statistic: string): string {
  const [ending, , dropped] = UNITS.find(([each]) => statistic.endsWith(each)) ?? ["", "", false];
  const words = (dropped ? statistic.slice(0, -ending.length) : statistic).split("_").map((word) => WRITTEN[word] ?? word);
  const text = words.join(" ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Empty where the name tells none. */
export function unitOf(statistic: string): string {
  return UNITS.find(([ending]) => statistic.endsWith(ending))?.[1] ?? "";
}
