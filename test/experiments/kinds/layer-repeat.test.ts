/** Every layer run again: the schedules that they are, bit for bit. */
import { afterAll, describe, expect, it } from "vitest";
import { openLaboratory } from "../../support/experiments.ts";
import { CHECKPOINTS, FIXTURES, readFixture } from "../../support/fixtures.ts";

const laboratory = openLaboratory(CHECKPOINTS);
afterAll(() => laboratory.close());

describe.each(FIXTURES)("%s", (model) => {
  const { figures, texts } = readFixture(model);
  const nLayers = figures.layer_importance.block_influence.length;
  const common = { model, data: { tokens: texts.map((text) => [...text]) }, prepend_bos: true } as const;

  it.each([2, 3])("every layer run %i times in its place is that order of layers", async (times) => {
    const result = await laboratory.run({ ...common, kind: "layer-repeat", settings: { times } });
    const orders = Object.fromEntries(
      Array.from({ length: nLayers }, (_, layer) => [
        `repeat.${layer}`,
        [
          {
            op: "order" as const,
            layers: Array.from({ length: nLayers }, (_, i) => Array(i === layer ? times : 1).fill(i)).flat(),
          },
        ],
      ]),
    );
    const expected = await laboratory.run({ ...common, kind: "variants", settings: { variants: orders } });
    expect(result.table.rows).toEqual(
      expected.table.rows.map(({ variant, ...row }) => ({ layer: Number((variant as string).slice("repeat.".length)), ...row })),
    );
    expect(result.table.rows).toHaveLength(4 * nLayers);
    expect(result.summary.kl_nats_by_layer).toHaveLength(nLayers);
  });
});
