/** Columns of mean 0 and spread 1, as measured on the training rows alone. */

/** Of each column. [d] */
export interface Standard {
  readonly means: Float64Array;
  /** Population standard deviation; 1 for a column that does not vary. */
  readonly scales: Float64Array;
}

/** Mean and spread of the columns of X [n, d] over the rows given (the training part). RangeError without rows. */
export function standardOf(x: ArrayLike<number>, d: number, rows: ArrayLike<number>): Standard {
  const count = rows.length;
  if (count === 0) throw new RangeError("columns are standardised over at least one row, not none");
  const first = (rows[0] as number) * d;
  // Less the first row: a column of one value has a spread of 0 without rounding.
  const means = new Float64Array(d);
  for (let r = 0; r < count; r++)
    for (let j = 0; j < d; j++)
      means[j] = (means[j] as number) + (x[(rows[r] as number) * d + j] as number) - (x[first + j] as number);
  for (let j = 0; j < d; j++) means[j] = (means[j] as number) / count;
  const scales = new Float64Array(d);
  for (let r = 0; r < count; r++)
    for (let j = 0; j < d; j++) {
      const away = (x[(rows[r] as number) * d + j] as number) - (x[first + j] as number) - (means[j] as number);
      scales[j] = (scales[j] as number) + away * away;
    }
  for (let j = 0; j < d; j++) {
    scales[j] = Math.sqrt((scales[j] as number) / count) || 1;
    means[j] = (means[j] as number) + (x[first + j] as number);
  }
  return { means, scales };
}

/** (x − mean)/scale of the rows given of X [n, d], in their order. [rows, d] */
export function standardise(x: ArrayLike<number>, { means, scales }: Standard, rows: ArrayLike<number>): Float64Array {
  const d = means.length;
  const result = new Float64Array(rows.length * d);
  for (let r = 0; r < rows.length; r++)
    for (let j = 0; j < d; j++)
      result[r * d + j] = ((x[(rows[r] as number) * d + j] as number) - (means[j] as number)) / (scales[j] as number);
  return result;
}
