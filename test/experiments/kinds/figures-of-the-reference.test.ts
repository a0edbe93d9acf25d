/** What the independent implementation computes for the fixtures, by the kinds of the figures. */
import { afterAll, describe, it } from "vitest";
import { openLaboratory } from "../../support/experiments.ts";
import { FIGURE_CHECKS } from "../../support/figure-checks.ts";
import { CHECKPOINTS, FIXTURES, readFixture } from "../../support/fixtures.ts";

const laboratory = openLaboratory(CHECKPOINTS);
afterAll(() => laboratory.close());

describe.each(FIXTURES)("%s", (model) => {
  const { figures, texts } = readFixture(model);

  it.each(FIGURE_CHECKS)("$name", async ({ request, check }) => {
    const asked = request(model, texts);
    const result = await laboratory.run(asked);
    await check(figures, async (name) => (name === "result" ? result.table.rows : laboratory.table(asked, name)));
  });
});
