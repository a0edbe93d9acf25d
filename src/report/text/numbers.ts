/** Numbers as sentences have them. Spaces inside them do not break. */

const NARROW = "\u202f";

/** 83 %; below 1 % with a decimal, 0.4 %. */
export function percent(share: number): string {
  return `${percentDigits(share)}${NARROW}%`;
}

/** 68–91 %; one number where both are written alike. */
export function percentRange(low: number, high: number): string {
  const [a, b] = [percentDigits(low), percentDigits(high)];
  return a === b ? `${a}${NARROW}%` : `${a}${a.startsWith("−") ? " to " : "–"}${b}${NARROW}%`;
}

function percentDigits(share: number): string {
  const value = 100 * share;
  const digits = value !== 0 && Math.abs(value) < 1 ? 1 : 0;
  const text = value.toFixed(digits).replace("-", "−");
  return Math.abs(value) > 0 && Number(value.toFixed(digits)) === 0 ? `${value < 0 ? "−" : ""}<${NARROW}0.1` : text;
}

/** Three digits that count: 0.0412, 1.08, 23.4, 1234. */
export function measure(value: number): string {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size < 1e-4 || size >= 1e6) return scientific(value);
  const decimals = Math.max(0, 2 - Math.floor(Math.log10(size)));
  return value.toFixed(decimals).replace("-", "−");
}

function scientific(value: number): string {
  const [digits = "", power = ""] = value.toExponential(1).split("e");
  return `${digits.replace("-", "−")}${NARROW}×${NARROW}10${superscript(Number(power))}`;
}

const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";

function superscript(power: number): string {
  const digits = Array.from(String(Math.abs(power)), (digit) => SUPERSCRIPTS[Number(digit)] ?? "").join("");
  return power < 0 ? `⁻${digits}` : digits;
}

/** With its sign: +0.41, −1.2. */
export function change(value: number): string {
  return value > 0 ? `+${measure(value)}` : measure(value);
}

/** 0.41 nats; 12.3 bits. */
export function withUnit(value: number, unit: string): string {
  return `${measure(value)}\u00a0${unit}`;
}

/** A mean and 1.96 standard errors, of which two digits count: 0.412 ± 0.031. */
export function estimate(mean: number, sem: number | null): string {
  const error = 1.96 * (sem ?? 0);
  if (error === 0) return measure(mean);
  const decimals = Math.min(6, Math.max(0, 1 - Math.floor(Math.log10(error))));
  return `${mean.toFixed(decimals).replace("-", "−")}${NARROW}±${NARROW}${error.toFixed(decimals)}`;
}

/** 3 of 10. */
export function outOf(count: number, all: number): string {
  return `${count} of ${all}`;
}

/** one layer, 3 layers. */
export function counted(count: number, singular: string, plural = `${singular}s`): string {
  return `${count === 1 ? "one" : grouped(count)}\u00a0${count === 1 ? singular : plural}`;
}

const COUNTS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"] as const;

/** two, three; digits from ten on. */
export function inWords(count: number): string {
  return COUNTS[count] ?? grouped(count);
}

/** 12 345 with narrow spaces. */
export function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, NARROW);
}

/** layers 3, 4 and 7; runs as 3–7. */
export function layerList(layers: readonly number[]): string {
  const runs: [number, number][] = [];
  for (const layer of [...layers].sort((a, b) => a - b)) {
    const last = runs.at(-1);
    if (last && layer === last[1] + 1) last[1] = layer;
    else runs.push([layer, layer]);
  }
  const parts = runs.flatMap(([a, b]) => (a === b ? [`${a}`] : b === a + 1 ? [`${a}`, `${b}`] : [`${a}–${b}`]));
  return `${layers.length === 1 ? "layer" : "layers"}\u00a0${listed(parts)}`;
}

/** a, b and c. */
export function listed(parts: readonly string[]): string {
  return parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;
}

/** Text in which a number and its % stay together. */
export function tied(text: string): string {
  return text.replace(/(\d) %/g, `$1${NARROW}%`);
}
