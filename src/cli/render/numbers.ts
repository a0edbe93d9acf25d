/** Numbers in cells; a minus is as wide as a plus, −. null is what the wire has for NaN, infinities and what did not run. */

const NOTHING = "–";

function signed(text: string): string {
  return text.replace(/^-/, "−").replace("e+", "e");
}

/** At most five columns: 12.25, 123.5, 12346, 1e5. */
export function measure(value: number | null): string {
  if (value === null) return NOTHING;
  const size = Math.abs(value);
  if (size >= 99_999.5 || (size > 0 && size < 1e-3)) return signed(value.toExponential(0));
  return signed(value.toFixed(size >= 999.95 ? 0 : size >= 99.995 ? 1 : 2));
}

/** Three digits that count, whatever the size: 0.00318, 12.3, 1.2e-5; of what only rounding has left, 0. */
export function significant(value: number | null): string {
  if (value === null) return NOTHING;
  const size = Math.abs(value);
  if (size < 1e-15) return "0";
  if (size < 1e-4 || size >= 1e6) return signed(value.toExponential(1));
  return signed(size >= 1000 ? value.toFixed(0) : value.toPrecision(3));
}

/** Digits behind the point that a value with its error is told with, at most. */
const MOST_DECIMALS = 6;

/** A value and its standard error, both to the second digit of the error: 0.339 and 0.081, 244 and 311. */
export function withError(value: number | null, error: number): [value: string, error: string] {
  const decimals = Math.max(0, 1 - Math.floor(Math.log10(Math.abs(error))));
  const plain = value !== null && Math.abs(value) < 1e6 && error < 1e6 && decimals <= MOST_DECIMALS;
  return plain ? [signed(value.toFixed(decimals)), error.toFixed(decimals)] : [significant(value), significant(error)];
}

/** At most four columns: 5.91, 12.3. */
export function bits(value: number | null): string {
  if (value === null) return NOTHING;
  return value.toFixed(Math.abs(value) >= 9.995 ? 1 : 2);
}

/** A natural log-probability as a percentage, at most four columns. */
export function percent(logprob: number | null): string {
  if (logprob === null) return NOTHING;
  const share = 100 * Math.exp(logprob);
  return share >= 9.95 ? `${share.toFixed(0)}%` : share >= 0.05 ? `${share.toFixed(1)}%` : "<.1%";
}

/** A nat value, three decimals, or powers of ten where that would say 0.000. */
export function nats(value: number | null): string {
  if (value === null) return NOTHING;
  return signed(value !== 0 && Math.abs(value) < 5e-4 ? value.toExponential(1) : value.toFixed(3));
}

/** With its sign, as a change. */
export function change(value: number | null): string {
  if (value === null) return NOTHING;
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;
}

export function milliseconds(value: number): string {
  return value >= 1000 ? `${(value / 1000).toFixed(1)} s` : `${value.toFixed(value < 10 ? 1 : 0)} ms`;
}
