/** `logit-lens` and `variants` on a trained model, against means and quantiles of what transformers gives in float64. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RELATIVE_ERROR } from "../../src/metrics/quantile-sketch.ts";
import { readToEnd, resultOf, startExperiment } from "../support/experiment-client.ts";
import { hasRealModel, REAL_MODEL } from "../support/real-model.ts";
import { realModelService } from "../support/real-model-service.ts";
import { type Reference, readReference } from "../support/reference.ts";
import type { TestService } from "../support/service.ts";

const MODEL = "smollm2-135m-instruct-q4";
const PROMPTS = [0, 1, 2, 3, 4];
const QUANTILES = ["q05", "q25", "q50", "q75", "q95"] as const;

type Row = Readonly<Record<string, number | string | null>>;

describe.skipIf(!hasRealModel)("SmolLM2-135M-Instruct, experiments against float64", { timeout: 240_000 }, () => {
  let service: TestService;
  let truth: Reference;
  let deleted: readonly number[];

  beforeAll(async () => {
    truth = readReference(join(REAL_MODEL, "truth.safetensors"));
    deleted = JSON.parse(readFileSync(join(REAL_MODEL, "truth.json"), "utf8")).delete;
    service = await realModelService();
  }, 120_000);
  afterAll(() => service?.stop());

  async function rowsOf(kind: "logit-lens" | "variants", settings: Record<string, unknown>): Promise<Row[]> {
    const tokens = PROMPTS.map((prompt) => truth.ids(`${prompt}.tokens`));
    const request = { kind, model: MODEL, data: { tokens }, short_texts: "keep", prepend_bos: false, settings } as const;
    const id = await startExperiment(service, request as never);
    await readToEnd(service as never, id);
    return JSON.parse((await resultOf(service, id)).json).rows;
  }

  /** What a row of statistics must be. `read` gives all values of one prompt, of float64 (``) or of float32 (`float32.`). */
  function check(row: Row | undefined, where: string, read: (prompt: number, precision: string) => ArrayLike<number>): void {
    const all = (precision: string) => PROMPTS.flatMap((prompt) => Array.from(read(prompt, precision)));
    const [exact, single] = [all(""), all("float32.")];
    const mean = exact.reduce((sum, value) => sum + value, 0) / exact.length;
    const error = exact.reduce((sum, value, i) => sum + Math.abs((single[i] as number) - value), 0) / exact.length;
    expect(row?.count, where).toBe(exact.length);
    expect(Math.abs((row?.mean as number) - mean), where).toBeLessThanOrEqual(2 * error + 1e-9);
    const sorted = exact.toSorted((a, b) => a - b);
    for (const name of QUANTILES) {
      const at = Number(name.slice(1)) / 100;
      const expected = sorted[Math.floor(at * (sorted.length - 1))] as number;
      const apart = Math.abs((row?.[name] as number) - expected);
      expect(apart, `${where}, ${name}`).toBeLessThanOrEqual(RELATIVE_ERROR * Math.abs(expected) + 1e-6);
    }
  }

  test("logit-lens: every layer's KL to the last and entropy", async () => {
    const rows = await rowsOf("logit-lens", {});
    for (const index of Array.from({ length: 31 }, (_, i) => i))
      for (const [statistic, name] of [
        ["kl_final_nats", "lens_kl_final_nats"],
        ["entropy_bits", "lens_entropy_bits"],
      ] as const) {
        const row = rows.find((each) => each.layer === index - 1 && each.statistic === statistic);
        check(row, `${statistic} of ${index - 1}`, (prompt, precision) => {
          const T = truth.ids(`${prompt}.tokens`).length;
          return truth.doubles(`${prompt}.${precision}${name}`).subarray(index * T, (index + 1) * T);
        });
      }
  });

  test("variants: divergence and change of entropy of every deletion", async () => {
    const variants = Object.fromEntries(deleted.map((layer) => [`delete.${layer}`, [{ op: "delete", layers: [layer] }]]));
    const rows = await rowsOf("variants", { variants });
    for (const layer of deleted)
      for (const statistic of ["kl_nats", "entropy_change_bits"]) {
        const row = rows.find((each) => each.variant === `delete.${layer}` && each.statistic === statistic);
        check(row, `${statistic} of ${layer}`, (prompt, precision) =>
          truth.doubles(`${prompt}.${precision}delete.${layer}.${statistic}`),
        );
      }
  });
});
