/**
 * Over HTTP, what transformers gives in float64, at every position of natural prompts: no farther from it than twice what
 * transformers' own float32 logits are, summed in float64. Skipped where the model was not built.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasRealModel, REAL_MODEL } from "../support/real-model.ts";
import { realModelService } from "../support/real-model-service.ts";
import { type Reference, readReference } from "../support/reference.ts";
import type { TestService } from "../support/service.ts";

const PROMPTS = [0, 1, 2, 3, 4];
/** A divergence counts as if it were this large at least: what is left of larger terms that cancel. */
const LEAST_NATS = 1e-4;
const LEAST_BITS = 1e-2;

interface Readout {
  readonly top: readonly { readonly id: number; readonly logprob: number }[];
  readonly entropy_bits: number;
}
interface Answer {
  readonly layers: readonly { readonly variant: string; readonly index: number; readonly readout: readonly Readout[] }[];
  readonly variants: readonly {
    readonly name: string;
    readonly layers: readonly { readonly step: number; readonly kl_final_nats: readonly number[] }[];
    readonly final: readonly Readout[];
  }[];
  readonly comparison: readonly {
    readonly variant: string;
    readonly position: number;
    readonly kl_nats: number;
    readonly top1_agreement: boolean;
    readonly entropy_change_bits: number;
  }[];
}

/** Errors of what the service says, and of transformers' float32, both against float64. */
class Errors {
  readonly ours: number[] = [];
  readonly theirs: number[] = [];

  add(actual: number, theirs: number, truth: number, least: number): void {
    const size = Math.max(Math.abs(truth), least);
    this.ours.push(Math.abs(actual - truth) / size);
    this.theirs.push(Math.abs(theirs - truth) / size);
  }

  /** No farther than `factor` times transformers' float32, in the median and at worst. */
  check(factor: number): void {
    expect(this.ours.length).toBeGreaterThan(100);
    for (const at of [0.5, 1])
      expect(quantile(this.ours, at), `quantile ${at}`).toBeLessThanOrEqual(factor * quantile(this.theirs, at));
  }
}

function quantile(values: readonly number[], at: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(at * sorted.length))] as number;
}

describe.skipIf(!hasRealModel)("SmolLM2-135M-Instruct, against float64", { timeout: 240_000 }, () => {
  let service: TestService;
  let truth: Reference;
  let about: { readonly delete: readonly number[]; readonly head: readonly (readonly [number, number])[] };

  beforeAll(async () => {
    truth = readReference(join(REAL_MODEL, "truth.safetensors"));
    about = JSON.parse(readFileSync(join(REAL_MODEL, "truth.json"), "utf8"));
    service = await realModelService();
  }, 120_000);
  afterAll(() => service?.stop());

  /** A run of all the variants that there is a truth for, read out at every position. */
  async function run(prompt: number, layers: "all" | "final", top_k: number): Promise<Answer> {
    const deletions = about.delete.map((layer) => [`delete.${layer}`, [{ op: "delete", layers: [layer] }]]);
    const heads = about.head.map(([layer, head]) => [
      `head.${layer}.${head}`,
      [{ op: "ablate", component: "head", layers: [layer], heads: [head], with: "zero" }],
    ]);
    const response = await fetch(`${service.url}/v1/runs`, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json" },
      body: JSON.stringify({
        model: "smollm2-135m-instruct-q4",
        tokens: truth.ids(`${prompt}.tokens`),
        variants: Object.fromEntries([...deletions, ...heads]),
        readout: { positions: "all", layers, top_k },
      }),
    });
    expect(response.status).toBe(200);
    const { layers: events, result } = (await response.json()) as { layers: Answer["layers"]; result: Answer };
    return { layers: events, variants: result.variants, comparison: result.comparison };
  }

  describe.each(["all", "final"] as const)("read out %s", (layers) => {
    let answers: Answer[];
    beforeAll(async () => {
      answers = [];
      for (const prompt of PROMPTS) answers.push(await run(prompt, layers, layers === "final" ? 100 : 1));
    }, 240_000);

    test.each(["delete", "head"])("KL(baseline ‖ variant) of every %s", (operation) => {
      const errors = new Errors();
      for (const prompt of PROMPTS)
        for (const { variant, position, kl_nats } of answers[prompt]?.comparison ?? []) {
          if (!variant.startsWith(operation)) continue;
          const exact = truth.doubles(`${prompt}.${variant}.kl_nats`)[position] as number;
          errors.add(kl_nats, truth.doubles(`${prompt}.float32.${variant}.kl_nats`)[position] as number, exact, LEAST_NATS);
        }
      errors.check(2);
    });

    test("top-1 agreement, and the change of entropy", () => {
      const errors = new Errors();
      for (const prompt of PROMPTS)
        for (const { variant, position, top1_agreement, entropy_change_bits } of answers[prompt]?.comparison ?? []) {
          if (!variant.startsWith("delete")) continue;
          expect(top1_agreement, `${prompt}, ${variant}, ${position}`).toBe(
            truth.ids(`${prompt}.${variant}.top1`)[position] === 1,
          );
          const name = `${variant}.entropy_change_bits`;
          const exact = truth.doubles(`${prompt}.${name}`)[position] as number;
          errors.add(entropy_change_bits, truth.doubles(`${prompt}.float32.${name}`)[position] as number, exact, LEAST_BITS);
        }
      errors.check(2);
    });

    test.runIf(layers === "final")("log-probabilities: no farther than 1.5 times transformers' float32", () => {
      const errors = new Errors();
      for (const prompt of PROMPTS) {
        const [ids, exact, single] = [
          truth.ids(`${prompt}.top_ids`),
          truth.doubles(`${prompt}.top_logprobs`),
          truth.doubles(`${prompt}.float32.top_logprobs`),
        ];
        for (const [position, { top }] of (answers[prompt]?.variants[0]?.final ?? []).entries()) {
          const told = new Map(top.map(({ id, logprob }) => [id, logprob]));
          for (let i = position * 100; i < (position + 1) * 100; i++) {
            const logprob = told.get(ids[i] as number);
            // Near the hundredth two may have changed places.
            if (logprob !== undefined) errors.add(logprob, single[i] as number, exact[i] as number, 1e9);
          }
        }
      }
      expect(errors.ours.length).toBeGreaterThan(0.99 * PROMPTS.reduce((sum, k) => sum + truth.ids(`${k}.top_ids`).length, 0));
      errors.check(1.5);
    });

    test.runIf(layers === "all")("every layer's entropy and KL to the last", () => {
      const [entropy, divergence] = [new Errors(), new Errors()];
      for (const prompt of PROMPTS) {
        const T = truth.ids(`${prompt}.tokens`).length;
        const of = (name: string, index: number, position: number) =>
          truth.doubles(`${prompt}.${name}`)[index * T + position] as number;
        const both = (errors: Errors, actual: number, name: string, index: number, position: number, least: number) =>
          errors.add(actual, of(`float32.${name}`, index, position), of(name, index, position), least);
        const events = (answers[prompt]?.layers ?? []).filter(({ variant }) => variant === "baseline");
        expect(events).toHaveLength(31);
        for (const { index, readout } of events)
          for (const [position, { entropy_bits }] of readout.entries())
            both(entropy, entropy_bits, "lens_entropy_bits", index, position, LEAST_BITS);
        for (const { step, kl_final_nats } of answers[prompt]?.variants[0]?.layers ?? [])
          for (const [position, nats] of kl_final_nats.entries())
            both(divergence, nats, "lens_kl_final_nats", step, position, LEAST_NATS);
      }
      entropy.check(2);
      divergence.check(2);
    });
  });
});
