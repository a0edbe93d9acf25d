/** Divergences as runs report them, by either identity and with its guard, against sums in float64 over all tokens. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { divergenceDirect } from "../../src/metrics/divergence.ts";
import { loadForTest, logprobsById, range, result, runJob, scheduleOf, type TestModel } from "../support/engine.ts";

const POSITIONS = [0, 4, 9, 15];
let model: TestModel;

beforeAll(async () => {
  model = await loadForTest("models/prose-6m");
});
afterAll(() => model.close());

/** From catastrophic to hardly there. */
const schedules = [
  scheduleOf("baseline", range(12)),
  ...range(12).map((i) =>
    scheduleOf(
      `delete.${i}`,
      range(12).filter((block) => block !== i),
    ),
  ),
  ...[0.9, 0.99, 0.999].map((scale) =>
    scheduleOf(
      `scaled.${scale}`,
      range(12).map((block) => [{ block, ...(block === 6 && { edits: [{ site: "mlp_out", scale }] as const }) }]),
    ),
  ),
];

test.each(["final", "all"] as const)("read out %s: every divergence is right to one part in a thousand", async (layers) => {
  const V = model.spec.vocabSize;
  const tokens = range(16).map((i) => (i * 37 + 3) % 4000);
  const { comparisons, variants } = result(
    await runJob(model, { tokens, schedules, baseline: 0, readout: { positions: POSITIONS, layers } }),
  );
  const logprobs = variants.map(({ final }) => logprobsById(final, V));
  const at = (variant: number, position: number) => logprobs[variant]?.subarray(position * V, (position + 1) * V) as Float64Array;
  let smallest = Number.POSITIVE_INFINITY;
  for (const { variant, klNats } of comparisons) {
    for (const [position, nats] of klNats.entries()) {
      const expected = divergenceDirect(at(0, position), at(variant, position));
      smallest = Math.min(smallest, expected);
      expect(Math.abs(nats - expected), `${schedules[variant]?.name} at ${position}`).toBeLessThan(
        Math.max(expected / 1000, 1e-8),
      );
    }
  }
  // The small ones are there: what the identities alone could not tell from nothing.
  expect(smallest).toBeLessThan(1e-5);
});
