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

/** A share of one, to eight decimals: what float32 sums of such shares can tell apart. By way of an integer, as there are many. */
export function share(value: number): string {
  const units = Math.round(value * 1e8);
  if (units === 0) return "0";
  if (!(units > 0 && units < 1e8)) return single(value);
  const digits = String(units);
  return `0.${"0000000".slice(digits.length - 1)}${digits}`;
}

/** A list; `text` is one of those above. */
export function list(values: Iterable<number>, text: (value: number) => string): string {
  let json = "[";
  for (const value of values) json += json.length === 1 ? text(value) : `,${text(value)}`;
  return `${json}]`;
}

/** Rows of [n, width], each a list. */
export function table(values: Float32Array, rows: number): string {
  const width = values.length / rows;
  return `[${Array.from({ length: rows }, (_, row) => list(values.subarray(row * width, (row + 1) * width), single)).join()}]`;
}

/** An array of [n, width] as `Tensor`: base64 of float32, little-endian. */
export function tensor(values: Float32Array, rows: number): string {
  const data = Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString("base64");
  return `{"dtype":"float32","shape":[${rows},${values.length / rows}],"data":"${data}"}`;
}
