/** The shipped model against what transformers computes for five prompts. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { layers, loadForTest, logprobsById, range, result, runJob, scheduleOf, type TestModel } from "../support/engine.ts";
import { logSoftmax, readReference, relativeError } from "../support/reference.ts";

const reference = readReference("models/prose-6m/reference.safetensors");
let model: TestModel;

beforeAll(async () => {
  model = await loadForTest("models/prose-6m");
});
afterAll(() => model.close());

test.each(range(5))("prompt %i: logits, norms, a deletion and a swap", async (prompt) => {
  const V = model.spec.vocabSize;
  const tokens = reference.ids(`${prompt}.tokens`);
  const expected = (tensor: string) => {
    const logits = reference.values(`${prompt}.${tensor}`);
    return Float64Array.from(tokens.flatMap((_, position) => [...logSoftmax(logits.subarray(position * V, (position + 1) * V))]));
  };
  const schedules = [
    scheduleOf("baseline", range(12)),
    scheduleOf(
      "delete.5",
      range(12).filter((block) => block !== 5),
    ),
    scheduleOf("swap.3", [0, 1, 2, 4, 3, ...range(12).slice(5)]),
  ];
  const events = await runJob(model, { tokens, schedules, baseline: 0, capture: ["norms"] });
  for (const [index, tensor] of ["logits", "delete.5", "swap.3"].entries()) {
    expect(relativeError(logprobsById(result(events).variants[index]?.final as never, V), expected(tensor)), tensor).toBeLessThan(
      1e-4,
    );
  }
  const norms = layers(events)
    .slice(1)
    .map((layer) => layer.norms);
  expect(
    relativeError(
      norms.flatMap((norm) => [...(norm?.attnOut ?? [])]),
      reference.values(`${prompt}.attn_norm`),
    ),
  ).toBeLessThan(1e-4);
  expect(
    relativeError(
      norms.flatMap((norm) => [...(norm?.mlpOut ?? [])]),
      reference.values(`${prompt}.mlp_norm`),
    ),
  ).toBeLessThan(1e-4);
});
