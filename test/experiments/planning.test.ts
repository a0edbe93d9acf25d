/** What is refused of any kind, before anything is computed. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { ExperimentRequestInput } from "../../src/schemas/experiments/request.ts";
import { writeRandomGpt2 } from "../support/checkpoint.ts";
import { openLaboratory, refusalOf } from "../support/experiments.ts";

const models = mkdtempSync(join(tmpdir(), "stratascope-planning-"));
writeRandomGpt2(join(models, "tiny"));
writeRandomGpt2(join(models, "without-bos"));
writeFileSync(join(models, "without-bos", "tokenizer_config.json"), JSON.stringify({ bos_token: null }));
const laboratory = openLaboratory(models);
afterAll(() => laboratory.close());

const texts = Array.from({ length: 12 }, () => "two three and four one the two that one in it to be two");

describe("A plan", () => {
  it("refuses BOS where the model has none, whatever the kind", async () => {
    for (const kind of ["logit-lens", "subjoiner-heads", "suffix-probe"] as const) {
      const request: ExperimentRequestInput = { kind, model: "without-bos", data: { texts }, prepend_bos: true };
      expect(await refusalOf(laboratory, request)).toMatchObject({
        code: "invalid_request",
        errors: [{ pointer: "/prepend_bos", detail: "the model without-bos has no BOS token, so prepend_bos cannot be true" }],
      });
    }
    const { study } = await laboratory.plan({ kind: "logit-lens", model: "without-bos", data: { texts } });
    expect(study.prependBos).toBe(false);
  });

  it("refuses to cut texts that are read whole", async () => {
    for (const kind of ["subjoiner-heads", "suffix-probe"] as const)
      expect(await refusalOf(laboratory, { kind, model: "tiny", data: { texts }, tokens_per_text: 16 })).toMatchObject({
        errors: [{ pointer: "/tokens_per_text", detail: "this kind reads its texts whole: 16 tokens of each would not do" }],
      });
  });

  it("refuses what is asked of texts where there are none", async () => {
    for (const asked of [
      { texts: 3 },
      { tokens_per_text: 16 },
      { short_texts: "keep" as const },
      { short_texts: "skip" as const },
    ])
      expect(await refusalOf(laboratory, { kind: "neuron-census", model: "tiny", ...asked })).toMatchObject({
        errors: [
          {
            pointer: `/${Object.keys(asked)[0]}`,
            detail: "no texts were given: neuron-census is of the weights alone",
          },
        ],
      });
  });
});
