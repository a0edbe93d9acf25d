/** Ids beyond the tokenizer's last: rows of padding that the model has, over HTTP, against transformers. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RunDocument } from "../../src/schemas/runs.ts";
import { TokenizeResponse } from "../../src/schemas/tokenize.ts";
import { CHECKPOINTS, TOKENS } from "../support/fixtures.ts";
import { startService, type TestService } from "../support/service.ts";

/** Log-probabilities of `targets` at every position of `tokens`, and the top rows: transformers 5.23, float32, eager. */
const TRUTH = {
  pythia: {
    ...{ last: 383, tokens: [5, 10, 350, 17, 383], targets: [5, 350, 383], tops: [348, 62, 219, 373, 157] },
    logprobs: [
      [-8.111297, -6.833455, -7.749611],
      [-7.54641, -7.38739, -6.979188],
      [-8.354982, -7.410093, -7.16016],
      [-7.860302, -8.08277, -7.179397],
      [-7.427795, -7.846125, -6.612285],
    ],
  },
  phi: {
    ...{ last: 335, tokens: [5, 330, 17, 335], targets: [5, 330, 335], tops: [17, 328, 280, 280] },
    logprobs: [
      [-5.604572, -7.977769, -5.895104],
      [-6.550292, -8.377913, -5.812409],
      [-6.128412, -7.299197, -4.268965],
      [-7.042783, -9.081681, -6.15454],
    ],
  },
} as const;

let service: TestService;
beforeAll(async () => {
  service = await startService({ MODELS_DIR: CHECKPOINTS, DATA_DIR: mkdtempSync(join(tmpdir(), "stratascope-padding-")) });
});
afterAll(() => service.stop());

const post = (path: string, body: object) =>
  fetch(`${service.url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json" },
    body: JSON.stringify(body),
  });

async function run(body: object): Promise<RunDocument> {
  const response = await post("/v1/runs", body);
  const document = await response.json();
  expect(response.status, JSON.stringify(document).slice(0, 300)).toBe(200);
  return RunDocument.parse(document);
}

const finalOf = (document: RunDocument, variant = "baseline") =>
  document.result?.variants.find(({ name }) => name === variant)?.final ?? [];

describe.each(["pythia", "phi"] as const)("Rows of padding in %s", (model) => {
  const { tokens, targets, tops, logprobs } = TRUTH[model];
  const readout = { positions: "all", layers: "final", targets };

  it("Run as tokens and are followed, as transformers computes it", async () => {
    const document = await run({ model, tokens, readout });
    const final = finalOf(document);
    for (const [position, row] of final.entries()) {
      for (const [i, target] of (row.targets ?? []).entries())
        expect(target.logprob, `position ${position}, token ${target.id}`).toBeCloseTo(logprobs[position]?.[i] as number, 4);
    }
    expect(document.meta.tokens.map(({ id, padding }) => [id, padding])).toEqual(
      tokens.map((id) => [id, id >= TOKENS ? true : undefined]),
    );
    expect(document.meta.tokens.at(-1)).toEqual({ position: tokens.length - 1, id: tokens.at(-1), text: "", padding: true });
    expect(final[0]?.targets?.map(({ text, padding }) => [text === "", padding])).toEqual([
      [false, undefined],
      [true, true],
      [true, true],
    ]);
    const next = final.map(({ target }) => target && [target.id, target.text === "", target.padding]);
    expect(next).toEqual([...tokens.slice(1).map((id) => [id, id >= TOKENS, id >= TOKENS ? true : undefined]), null]);
  });

  it("Are left out of the top, which says where one of them would have been the first", async () => {
    const final = finalOf(await run({ model, tokens, readout: { ...readout, top_k: 100 } }));
    expect(final.flatMap(({ top }) => top.filter(({ id }) => id >= TOKENS))).toEqual([]);
    expect(final.map(({ top_is_padding }) => top_is_padding)).toEqual(tops.map((id) => (id >= TOKENS ? true : undefined)));
    for (const [position, { top }] of final.entries())
      if ((tops[position] as number) < TOKENS) expect(top[0]?.id).toBe(tops[position]);
  });

  it("Are where patches come from, what steering goes toward and what logits are taken apart for", async () => {
    const padded = targets[1];
    const document = await run({
      model,
      tokens: tokens.map(() => 5),
      readout,
      capture: ["attribution"],
      variants: {
        patched: [{ op: "patch", component: "resid_pre", layers: [0], source: { tokens } }],
        toward: [{ op: "steer", layer: -1, toward: padded, scale: 4 }],
        away: [{ op: "steer", layer: -1, away: padded, scale: 4 }],
      },
    });
    expect(document.meta.sources?.[0]?.tokens.map(({ padding }) => padding)).toEqual(
      tokens.map((id) => (id >= TOKENS ? true : undefined)),
    );
    for (const [position, { targets: patched = [] }] of finalOf(document, "patched").entries())
      for (const [i, target] of patched.entries()) expect(target.logprob).toBeCloseTo(logprobs[position]?.[i] as number, 4);
    const logit = (variant: string) => finalOf(document, variant).at(-1)?.targets?.[1]?.logit as number;
    expect(logit("toward")).toBeGreaterThan(logit("baseline"));
    expect(logit("away")).toBeLessThan(logit("baseline"));
    const { attribution } = document.result?.variants[0] ?? {};
    const parts = (attribution?.steps ?? []).flatMap(({ blocks }) =>
      blocks.flatMap(({ attn, mlp }) => [attn?.at(-1)?.[1] ?? 0, mlp?.at(-1)?.[1] ?? 0]),
    );
    const sum = [attribution?.embedding.at(-1)?.[1], attribution?.bias[1], ...parts].reduce<number>(
      (all, part) => all + (part ?? 0),
      0,
    );
    expect(sum).toBeCloseTo(logit("baseline"), 3);
  });

  it("Are spelled by tokenize, with no text", async () => {
    const response = await post(`/v1/models/${model}/tokenize`, { ids: tokens });
    const { tokens: spelled, text } = TokenizeResponse.parse(await response.json());
    expect(spelled.map(({ id, padding }) => [id, padding])).toEqual(tokens.map((id) => [id, id >= TOKENS ? true : undefined]));
    expect(text).toBe(spelled.map((token) => token.text).join(""));
  });

  it("End where the vocabulary does", async () => {
    const { last } = TRUTH[model];
    const refusal = `token id ${last + 1} is not in the vocabulary of ${model}, which ends at ${last}`;
    const refused = async (path: string, body: object) => {
      const response = await post(path, body);
      const { errors } = (await response.json()) as { errors?: object[] };
      return [response.status, ...(errors ?? [])];
    };
    const at = (pointer: string) => [422, { pointer, detail: refusal }];
    expect(await refused("/v1/runs", { model, tokens: [5, last + 1] })).toEqual(at("/tokens/1"));
    expect(await refused("/v1/runs", { model, tokens: [5], readout: { targets: [last, last + 1] } })).toEqual(
      at("/readout/targets/1"),
    );
    const source = { tokens: [last + 1] };
    expect(
      await refused("/v1/runs", {
        model,
        tokens: [5],
        interventions: [{ op: "patch", component: "resid_pre", layers: [0], source }],
      }),
    ).toEqual(at("/interventions/0/source/tokens/0"));
    expect(await refused(`/v1/models/${model}/tokenize`, { ids: [last + 1] })).toEqual(at("/ids/0"));
  });
});
