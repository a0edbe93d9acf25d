/** What a result's table says of counts and of measures. */
import { expect, test } from "vitest";
import { experimentTable } from "../../src/cli/render/experiment-table.ts";
import { makeView } from "../../src/cli/render/view.ts";
import type { ExperimentResult } from "../../src/schemas/experiments/experiment.ts";

test("counts are whole numbers, means are measures", () => {
  const row = (statistic: string, mean: number) => ({ layer: 0, statistic, mean, sem: null });
  const result = {
    kind: "neuron-census",
    model: { id: "tiny" },
    data: null,
    tokens_per_text: null,
    columns: ["layer", "statistic", "mean", "sem"].map((name) => ({ name, type: "float" })),
    rows: [row("prediction_count", 3), row("kurtosis", 3)],
  } as unknown as ExperimentResult;
  const lines = experimentTable(result, makeView(80, false));
  expect(lines.at(-1)?.trim().split(/ +/)).toEqual(["0", "3", "3.00"]);
});
