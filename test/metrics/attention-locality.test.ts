import { expect, test } from "vitest";
import { attentionLocality } from "../../src/metrics/attention-locality.ts";

test("attention that always looks one place back is all local, and gone without the first position where that is the key", () => {
  const T = 4;
  const weights = new Float32Array(T * T);
  weights[0] = 1;
  for (let query = 1; query < T; query++) weights[query * T + query - 1] = 1;
  const { perCell, total, totalWithoutBos } = attentionLocality(weights, 1, T);
  expect(total).toEqual([[1], [1], [1]]);
  expect(perCell).toEqual([[1], [3 / 5], [3 / 6]]);
  expect(totalWithoutBos).toEqual([[2 / 3], [2 / 3], [2 / 3]]);
});

test("a prompt of one token has no previous offset", () => {
  expect(attentionLocality(Float32Array.of(1), 1, 1)).toEqual({ perCell: [], total: [], totalWithoutBos: [] });
});
