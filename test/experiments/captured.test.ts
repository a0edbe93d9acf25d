/** What captures are counted as, against the bytes of the events. */
import { afterAll, expect, test } from "vitest";
import type { CaptureName } from "../../src/engine/protocol.ts";
import { baselineSchedule } from "../../src/engine/schedule.ts";
import { jobBytes } from "../../src/experiments/captured.ts";
import { fullJob } from "../../src/experiments/lab.ts";
import { estimateCost } from "../../src/runs/cost.ts";
import { modelsIn } from "../../src/runs/served-models.ts";
import { openLaboratory } from "../support/experiments.ts";
import { CHECKPOINTS } from "../support/fixtures.ts";

const laboratory = openLaboratory(CHECKPOINTS);
afterAll(() => laboratory.close());

function bytesOf(value: unknown): number {
  if (ArrayBuffer.isView(value)) return value.byteLength;
  return typeof value === "object" && value !== null ? Object.values(value).reduce((sum, part) => sum + bytesOf(part), 0) : 0;
}

test.each<[string, CaptureName[]]>([
  ["gpt2", ["residuals"]],
  ["llama", ["residuals", "components", "z", "mlp_act"]],
  ["pythia", ["patterns"]],
])("%s: %j", async (name, capture) => {
  const model = await modelsIn(CHECKPOINTS).get(name);
  const positions = [1, 2, 5];
  const job = fullJob(model, {
    ...{
      tokens: [0, 5, 6, 7, 8, 9],
      schedules: [baselineSchedule(model.nLayers)],
      baseline: null,
      capture,
      readout: { positions },
    },
  });
  let captured = 0;
  for await (const event of laboratory.engine.run(job, new AbortController().signal))
    if (event.type === "layer") captured += bytesOf({ ...event, variants: [] });
  const estimated = jobBytes(model, job) - estimateCost(model, job).memoryBytes;
  // Only residuals have a row for the embedding; it is counted for all.
  const perStep = estimated / (model.nLayers + 1);
  expect(captured).toBeGreaterThan(0);
  expect(estimated - captured).toBeGreaterThanOrEqual(0);
  expect(estimated - captured).toBeLessThanOrEqual(perStep);
});
