/** How alike the representations of two layers are. */
import type { ResultRow } from "../result.ts";
import type { Figure } from "./figure.ts";
import { heatMap } from "./heat-map.ts";
import { decimals, numberOf, rowsOf } from "./rows.ts";
import { compose, madeFrom, subjectOf } from "./spec.ts";

const TITLE = "Similarity of layers (unbiased linear CKA)";

/** The similarity of each layer with the one before it. */
function toTheOneBefore(rows: readonly ResultRow[]): ResultRow[] {
  return rows.filter((row) => {
    const [layer, other] = [numberOf(row, "layer"), numberOf(row, "other_layer")];
    return layer !== null && layer >= 0 && other === layer - 1;
  });
}

export const cka: Figure = {
  draw(result) {
    const cells = rowsOf(result.table, "cka").flatMap((row) => {
      const [x, y, value] = [numberOf(row, "layer"), numberOf(row, "other_layer"), numberOf(row, "mean")];
      return x === null || y === null ? [] : [{ x, y, value: decimals(value, 3) }];
    });
    return compose({
      title: TITLE,
      notes: [madeFrom(result), "Residual streams after each layer, at the last token of every text; emb.: the embedding"],
      subject: subjectOf(result),
      panels: [
        heatMap({
          title: "",
          x: "layer",
          y: "layer",
          color: "CKA",
          cells: symmetric(cells),
          width: 440,
          height: 440,
          scale: "linear",
          domain: [0, 1],
          up: true,
          square: true,
        }),
      ],
    });
  },
  compared: () => ({
    title: TITLE,
    panels: [
      {
        title: "Each layer with the one before it",
        y: "CKA",
        scale: "fit",
        rows: ({ table }) => toTheOneBefore(rowsOf(table, "cka")),
      },
    ],
  }),
};

type Cell = { readonly x: number; readonly y: number; readonly value: number | null };

/** Both halves, where a result has only the pairs in one order. */
function symmetric(cells: readonly Cell[]): Cell[] {
  const known = new Set(cells.map(({ x, y }) => `${x},${y}`));
  return [...cells, ...cells.filter(({ x, y }) => !known.has(`${y},${x}`)).map(({ x, y, value }) => ({ x: y, y: x, value }))];
}
