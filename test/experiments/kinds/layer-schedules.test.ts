/** The middle layers run in other ways: the orders that they are, written out, bit for bit. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it, onTestFinished, test } from "vitest";
import type { ResultRow } from "../../../src/experiments/result.ts";
import { pcg32, shuffled } from "../../../src/metrics/pcg32.ts";
import { writeRandomGpt2 } from "../../support/checkpoint.ts";
import { openLaboratory, refusalOf } from "../../support/experiments.ts";
import { CHECKPOINTS, readFixture } from "../../support/fixtures.ts";

const laboratory = openLaboratory(CHECKPOINTS);
afterAll(() => laboratory.close());

type Order = (number | number[])[];

/** Written out for 5 layers: middles 1 … 4 and 2 … 3. */
const FIVE: Record<string, Order[]> = {
  skip: [[0], [0, 1, 4]],
  reverse: [
    [0, 4, 3, 2, 1],
    [0, 1, 3, 2, 4],
  ],
  shuffle: [
    // Seed 7 would leave them as they are: of the next one that does not.
    [0, 1, 3, 2, 4],
    [0, 1, 3, 2, 4],
  ],
  parallel: [
    [0, [1, 2, 3, 4]],
    [0, 1, [2, 3], 4],
  ],
  "loop-parallel": [
    [0, [1, 2, 3, 4], [1, 2, 3, 4]],
    [0, 1, [2, 3], [2, 3], 4],
  ],
  "repeat-middle": [
    [0, 2, 2, 2, 2],
    [0, 1, 2, 2, 4],
  ],
};
/** And for 4: the middle 1 … 3 alone. */
const FOUR: Record<string, Order[]> = {
  skip: [[0]],
  reverse: [[0, 3, 2, 1]],
  shuffle: [[0, ...shuffled([1, 2, 3], pcg32(7))]],
  parallel: [[0, [1, 2, 3]]],
  "loop-parallel": [[0, [1, 2, 3], [1, 2, 3]]],
  "repeat-middle": [[0, 2, 2, 2]],
};

describe.each([
  ["gpt2", FIVE],
  ["llama", FOUR],
  ["phi", FOUR],
] as const)("%s", (model, orders) => {
  it("runs the middle after every start in every way", async () => {
    const { texts } = readFixture(model);
    const common = { model, data: { tokens: texts.map((text) => [...text]) }, prepend_bos: true, seed: 7 } as const;
    const result = await laboratory.run({ ...common, kind: "layer-schedules", settings: { times: 2 } });
    const keys = Object.entries(orders).flatMap(([operation, all]) => all.map((layers, start) => ({ operation, start, layers })));
    const variants = Object.fromEntries(
      keys.map(({ operation, start, layers }) => [`${operation}.${start}`, [{ op: "order" as const, layers }]]),
    );
    const expected = await laboratory.run({ ...common, kind: "variants", settings: { variants } });
    const rowsOf = (rows: readonly ResultRow[], variant: string) =>
      rows.filter((row) => row.variant === variant).map(({ variant: _, ...row }) => row);
    expect(result.table.rows).toEqual(
      keys.flatMap(({ operation, start }) =>
        rowsOf(expected.table.rows, `${operation}.${start}`).map((row) => ({ operation, start, ...row })),
      ),
    );
    expect(result.table.rows).toHaveLength(4 * keys.length);
  });
});

test("only the operations asked for; three layers have one start", async () => {
  const data = { tokens: [[...(readFixture("neox-sequential").texts[0] as number[])]] };
  const settings = { operations: ["reverse" as const] };
  const { table } = await laboratory.run({ kind: "layer-schedules", model: "neox-sequential", data, settings });
  expect([...new Set(table.rows.map(({ operation, start }) => `${operation} ${start}`))]).toEqual(["reverse 0"]);
});

test("a model of two layers has no middle to reorder", async () => {
  const folder = mkdtempSync(join(tmpdir(), "stratascope-shallow-"));
  writeRandomGpt2(join(folder, "shallow"), { nLayers: 2 });
  const shallow = openLaboratory(folder);
  onTestFinished(() => shallow.close());
  expect(await refusalOf(shallow, { kind: "layer-schedules", model: "shallow", data: { tokens: [[0, 5, 6]] } })).toEqual({
    code: "invalid_request",
    detail: "shallow has 2 layers; a middle of 2 after the first one takes at least 3",
    errors: [{ pointer: "/model", detail: "shallow has 2 layers; a middle of 2 after the first one takes at least 3" }],
  });
});
