/** Attention to the previous k offsets (arXiv 2406.19384, figure 4), for one block and every k that exists. */

/** The largest k; smaller where the text is shorter. */
export const LOCALITY_OFFSETS = 16;

/** Rows [k − 1][head], k = 1 … min(16, T − 1). */
export interface AttentionLocality {
  /** Mean over the cells (query, query − o), o = 1 … k, that exist; at most 1/k, so different k do not compare. */
  readonly perCell: number[][];
  /** Mean over queries 1 … T − 1 of the sum over o = 1 … k. */
  readonly total: number[][];
  /** The same, the key at position 0 left out. */
  readonly totalWithoutBos: number[][];
}

/** `weights`: [head, query, key] after the softmax, T × T each. The diagonal is excluded. Sums in float64. */
export function attentionLocality(weights: Float32Array, heads: number, length: number): AttentionLocality {
  const most = Math.min(LOCALITY_OFFSETS, length - 1);
  const rows = () => Array.from({ length: most }, () => new Array<number>(heads).fill(0));
  const result = { perCell: rows(), total: rows(), totalWithoutBos: rows() };
  for (let head = 0; head < heads; head++) {
    let sum = 0;
    let bos = 0;
    let cells = 0;
    for (let k = 1; k <= most; k++) {
      for (let query = k; query < length; query++) sum += weights[(head * length + query) * length + query - k] as number;
      bos += weights[(head * length + k) * length] as number;
      cells += length - k;
      const row = k - 1;
      (result.perCell[row] as number[])[head] = sum / cells;
      (result.total[row] as number[])[head] = sum / (length - 1);
      (result.totalWithoutBos[row] as number[])[head] = (sum - bos) / (length - 1);
    }
  }
  return result;
}
