/** Numbers as JSON text. */

/** A double; NaN and infinities are null. */
export function double(value: number | undefined): string {
  return value !== undefined && Number.isFinite(value) ? (value === 0 ? "0" : String(value)) : "null";
}

/**
 * A single-precision number in at most eight significant digits, half as long as all digits of the double that it
 * became; NaN and infinities are null.
 */
export function single(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return "null";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e8 || size < 1e-4) return String(Number(value.toPrecision(8)));
  let scale = 1e8;
  for (let bound = 1; bound <= size; bound *= 10) scale /= 10;
  if (size < 0.1) for (let bound = 0.1; bound > size; bound /= 10) scale *= 10;
  return String(Math.round(value * scale) / scale);
}

/** A list; `text` is `single` or `double`. */
export function list(values: Iterable<number>, text: (value: number) => string): string {
  let json = "[";
  for (const value of values) json += json.length === 1 ? text(value) : `,${text(value)}`;
  return `${json}]`;
}
