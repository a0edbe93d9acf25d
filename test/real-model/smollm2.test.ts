/** A trained model of 30 blocks against what transformers computes; skipped where it was not built. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EngineEvent, LayerEvent } from "../../src/engine/protocol.ts";
import { openTokenizer } from "../../src/tokenizer/tokenizer.ts";
import {
  jobOf,
  layers,
  loadForTest,
  logprobsById,
  range,
  result,
  runJob,
  runJobs,
  scheduleOf,
  type TestModel,
} from "../support/engine.ts";
import { hasRealModel, REAL_MODEL } from "../support/real-model.ts";
import { logSoftmax, type Reference, readReference, relativeError } from "../support/reference.ts";

/** Relative 2-norm of a tensor's difference: float32 against float32 in another order of summation, 30 blocks deep. */
const TOLERANCE = 1e-4;
const PROMPTS = range(5);

const HELD = [
  { weights: "packed", half: "folded" },
  { weights: "mapped", half: "folded" },
  { weights: "mapped", half: "kept" },
] as const;

describe.skipIf(!hasRealModel).each(HELD)(
  "SmolLM2-135M-Instruct, weights $weights, half types $half",
  { timeout: 120_000 },
  ({ weights, half }) => {
    let model: TestModel;
    let reference: Reference;
    let texts: string[];

    beforeAll(async () => {
      reference = readReference(join(REAL_MODEL, "reference.safetensors"));
      texts = JSON.parse(readFileSync(join(REAL_MODEL, "reference.json"), "utf8")).prompts;
      model = await loadForTest(REAL_MODEL, weights, half);
    });
    afterAll(() => model?.close());

    test.each(PROMPTS)("prompt %i: every value of the reference", async (prompt) => {
      const { nLayers: L, dModel: d, vocabSize: V } = model.spec;
      const tokens = reference.ids(`${prompt}.tokens`);
      const checked = new Set([`${prompt}.tokens`]);
      const expected = (name: string) => {
        checked.add(`${prompt}.${name}`);
        return reference.values(`${prompt}.${name}`);
      };
      const tokenizer = await openTokenizer(REAL_MODEL);
      expect(tokenizer.encode(texts[prompt] as string)).toEqual(tokens);

      // What the residual stream holds, and how much each component writes, at every position.
      const events = await runJob(model, { tokens, capture: ["residuals", "norms"], readout: { topK: 1 } });
      const steps = layers(events);
      expect(steps).toHaveLength(L + 1);
      const resid = [expected("resid_pre"), expected("resid_final")];
      const size = tokens.length * d;
      for (const [step, { residual }] of steps.entries()) {
        const stream = step === L ? resid[1] : resid[0]?.subarray(step * size, (step + 1) * size);
        // Position by position: the first is a hundred times as long as the others.
        for (const position of range(tokens.length)) {
          const row = (values?: Float32Array) => (values as Float32Array).subarray(position * d, (position + 1) * d);
          expect(relativeError(row(residual), row(stream)), `resid ${step}, position ${position}`).toBeLessThan(TOLERANCE);
        }
      }
      for (const [name, of] of [
        ["attn_norm", ({ norms }: LayerEvent) => norms?.attnOut],
        ["mlp_norm", ({ norms }: LayerEvent) => norms?.mlpOut],
      ] as const) {
        const norms = expected(name); // [L, T]
        for (const [index, value] of steps
          .slice(1)
          .flatMap((step) => Array.from(of(step) as Float32Array))
          .entries())
          expect(Math.abs(value / (norms[index] as number) - 1), `${name} ${index}`).toBeLessThan(TOLERANCE);
      }

      // Predictions at the last position, untouched, without a block, with two exchanged.
      const all = range(L);
      const schedules = reference.names().flatMap((name) => {
        const [, operation, block] = new RegExp(`^${prompt}\\.(logits|delete|swap)(?:\\.(\\d+))?$`).exec(name) ?? [];
        const i = Number(block);
        if (operation === "logits") return [scheduleOf("logits", all)];
        if (operation === "delete") return [scheduleOf(`delete.${i}`, all.toSpliced(i, 1))];
        return operation === "swap" ? [scheduleOf(`swap.${i}`, all.toSpliced(i, 2, i + 1, i))] : [];
      });
      expect(schedules).toHaveLength(7);
      const readout = { positions: [tokens.length - 1], layers: "final" as const, topK: V };
      const { variants } = result(await runJob(model, { tokens, schedules, readout }));
      for (const [index, { name }] of schedules.entries()) {
        const actual = logprobsById(variants[index]?.final as never, V);
        expect(relativeError(actual, logSoftmax(expected(name))), name).toBeLessThan(TOLERANCE);
      }
      expect([...checked].sort()).toEqual(
        reference
          .names()
          .filter((name) => name.startsWith(`${prompt}.`))
          .sort(),
      );
    });

    test("a row's numbers are its own, bit for bit, beside others and alone", async () => {
      const prompts = [3, 37, 1, 130].map((length) => range(length).map((i) => (i * 7919 + length) % model.spec.vocabSize));
      const read = (tokens: number[]) => ({
        tokens,
        capture: ["norms" as const],
        readout: { positions: [tokens.length - 1], topK: 3 },
      });
      const together = await runJobs(
        model,
        prompts.map((tokens) => jobOf(model, read(tokens))),
      );
      for (const [index, tokens] of prompts.entries())
        expect(layers(together[index] as EngineEvent[])).toStrictEqual(layers(await runJob(model, read(tokens))));
    });
  },
);
