/** The fixtures' values once more, as a client gets them: a real server on a real port, JSON over HTTP. */
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunDocument } from "../../src/schemas/runs.ts";
import { CHECKPOINTS, FIXTURES, readFixture, TOKENS } from "../support/fixtures.ts";
import { startService, type TestService } from "../support/service.ts";

let service: TestService;

beforeAll(async () => {
  service = await startService({
    MODELS_DIR: CHECKPOINTS,
    DATA_DIR: mkdtempSync(join(tmpdir(), "stratascope-golden-")),
  });
});
afterAll(() => service.stop());

async function post(body: object): Promise<RunDocument> {
  const response = await fetch(`${service.url}/v1/runs`, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json" },
    body: JSON.stringify({ readout: { positions: "all" }, ...body }),
  });
  const document = (await response.json()) as RunDocument;
  expect(response.status, JSON.stringify(document).slice(0, 300)).toBe(200);
  return document;
}

const mean = (values: readonly (number | null)[]) =>
  values.reduce((sum: number, value) => sum + (value as number), 0) / values.length;

describe.each(FIXTURES)("%s", (name) => {
  const { reference, figures, texts, logprobs, vocabSize } = readFixture(name);

  test("a prompt is tokenised as the reference does, and the tokens come back", async () => {
    const cases = JSON.parse(readFileSync("test/fixtures/reference/tokenizer.json", "utf8")) as { text: string; ids: number[] }[];
    for (const { text, ids: expected } of cases) {
      const { meta } = await post({
        model: name,
        prompt: text,
        prepend_bos: false,
        baseline: true,
        readout: { positions: "last", layers: "final" },
      });
      expect(meta.tokens.map(({ id }) => id)).toEqual(expected);
    }
  });

  test("the lens of every layer, both modes: entropies and divergences of figures 6 and 8", async () => {
    for (const [lens, rows] of Object.entries({ standard: figures.logit_lens, "frozen-norm": figures.frozen_norm_lens })) {
      const documents = await Promise.all(
        texts.map((tokens) => post({ model: name, tokens, readout: { positions: "all", lens, top_k: 1 } })),
      );
      for (const [row, { kl_final_nats, entropy_bits }] of rows.entries()) {
        const entropy = mean(
          documents.flatMap(({ layers }) => (layers[row]?.readout ?? []).slice(1).map((readout) => readout.entropy_bits)),
        );
        const kl = mean(documents.flatMap(({ result }) => (result?.variants[0]?.layers[row]?.kl_final_nats ?? []).slice(1)));
        expect(Math.abs(entropy - entropy_bits)).toBeLessThan(1e-4 * Math.max(entropy_bits, 0.01));
        expect(Math.abs(kl - kl_final_nats)).toBeLessThan(1e-4 * Math.max(kl_final_nats, 0.1));
      }
    }
  });

  test("a delete-and-swap sweep: every number of figure 3", async () => {
    const documents = await Promise.all(
      texts.map((tokens) =>
        post({ model: name, tokens, sweep: ["delete", "swap"], readout: { positions: "all", layers: "final", top_k: 1 } }),
      ),
    );
    for (const [variant, expected] of Object.entries(figures.layer_interventions)) {
      const rows = documents.flatMap(({ result }) =>
        (result?.comparison ?? []).filter((row) => row.variant === variant && row.position > 0),
      );
      expect(rows).toHaveLength(115);
      const over = (of: (row: (typeof rows)[number]) => number | null) => mean(rows.map(of).filter((value) => value !== null));
      expect(over((row) => row.kl_nats) / expected.kl_nats.mean - 1).toBeCloseTo(0, 4);
      // The figures count tokens that do not exist, where there is padding.
      if (vocabSize === TOKENS) expect(over((row) => Number(row.top1_agreement))).toBeCloseTo(expected.top1_agreement.mean, 10);
      expect(over((row) => row.entropy_change_bits)).toBeCloseTo(expected.entropy_change_bits.mean, 4);
      expect(over((row) => row.loss_change_nats)).toBeCloseTo(expected.loss_change_nats.mean, 4);
    }
  });

  test("operations by their names give the reference's log-probabilities", async () => {
    const L = figures.logit_lens.length - 1;
    const cases: Record<string, object[]> = {
      "reverse.middle": [{ op: "reverse", layers: { from: 1, to: L - 2 } }],
      "repeat.1-2.twice_in_place": [{ op: "repeat", layers: [1, 2] }],
      "parallel.0-1": [{ op: "parallel", layers: [0, 1] }],
      "exit.1": [{ op: "exit", after: 1 }],
      "delete.all": [{ op: "delete", layers: { from: 0, to: L - 1 } }],
      "attn_zero.1": [{ op: "ablate", component: "attn", layers: [1], with: "zero" }],
      "mlp_half.1": [{ op: "ablate", component: "mlp", layers: [1], with: { scale: 0.5 } }],
      "head_zero.1.0": [{ op: "ablate", component: "head", layers: [1], heads: [0], with: "zero" }],
    };
    const tokens = (texts[1] as number[]).slice(0, 12);
    const { result } = await post({
      model: name,
      tokens,
      variants: cases,
      readout: { positions: "all", layers: "final", top_k: 100 },
    });
    for (const variant of Object.keys(cases)) {
      const expected = logprobs(variant, 1, 12);
      const final = result?.variants.find((each) => each.name === variant)?.final ?? [];
      expect(final).toHaveLength(12);
      for (const [position, { top }] of final.entries()) {
        expect(top).toHaveLength(100);
        for (const { id, logprob } of top) {
          const value = expected[position * TOKENS + id] as number;
          expect(Math.abs((logprob as number) - value)).toBeLessThan(1e-4 * Math.max(1, Math.abs(value)));
        }
      }
    }
  });

  test("component norms, patterns and attention locality of every layer", async () => {
    const documents = await Promise.all(
      texts.map((tokens) =>
        post({
          model: name,
          tokens,
          capture: ["norms", "patterns", "attention_locality"],
          readout: { positions: "all", top_k: 1 },
        }),
      ),
    );
    for (const [layer, expected] of figures.component_norms.entries()) {
      const over = (field: "attn_out" | "mlp_out" | "resid_post") =>
        mean(documents.flatMap(({ layers }) => (layers[layer + 1]?.norms ?? []).slice(1).map((norm) => norm[field])));
      for (const field of ["attn_out", "mlp_out", "resid_post"] as const)
        expect(over(field) / expected[field] - 1).toBeCloseTo(0, 4);
      const weights = documents[0]?.layers[layer + 1]?.patterns?.[0]?.weights as number[][][];
      const pattern = reference.values(`pattern.${layer}`);
      for (const [index, value] of weights.flat(2).entries())
        expect(Math.abs(value - (pattern[index] as number))).toBeLessThan(1e-4);
      const locality = figures.attention_locality["5"]?.total[layer] as number[];
      for (const [head, value] of locality.entries()) {
        expect(
          mean(documents.map(({ layers }) => layers[layer + 1]?.attention_locality?.[0]?.total[4]?.[head] as number)),
        ).toBeCloseTo(value, 5);
      }
    }
  });
});
