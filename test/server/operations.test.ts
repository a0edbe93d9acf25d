/** Operations and captures as a client gets them: a real engine behind a real port, against the fixtures and against laws. */
import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { unpackMultiple } from "msgpackr";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Tensor } from "../../src/schemas/events.ts";
import { RunDocument } from "../../src/schemas/runs.ts";
import type { Json } from "../support/app.ts";
import { CHECKPOINTS, FIXTURES, type Fixture, readFixture } from "../support/fixtures.ts";
import { relativeError } from "../support/reference.ts";
import { startService, type TestService } from "../support/service.ts";

const dataDir = mkdtempSync(join(tmpdir(), "stratascope-operations-"));
const DATASETS = join(dataDir, "datasets");
const TALES = [
  "Once upon a time there was a tailor who had three sons and one goat.",
  "The king had a daughter who was beautiful beyond all measure, but proud.",
  "A miller left no more riches to the three sons he had than his mill, his ass and his cat.",
];
let service: TestService;

beforeAll(async () => {
  mkdirSync(DATASETS);
  writeFileSync(join(DATASETS, "tales.jsonl"), TALES.map((text) => `${JSON.stringify({ text })}\n`).join(""));
  service = await startService({ MODELS_DIR: CHECKPOINTS, DATA_DIR: dataDir, DATASETS_DIR: DATASETS });
});
afterAll(() => service.stop());

const send = (body: object, accept = "application/json") =>
  fetch(`${service.url}/v1/runs`, {
    method: "POST",
    headers: { "content-type": "application/json", accept },
    body: JSON.stringify({ readout: { positions: "all", top_k: 100 }, ...body }),
  });

async function post(body: object): Promise<RunDocument> {
  const response = await send(body);
  const document = await response.json();
  expect(response.status, JSON.stringify(document).slice(0, 300)).toBe(200);
  return RunDocument.parse(document);
}

/** float32 of base64, little-endian. */
function numbers({ shape, data }: Tensor): Float32Array {
  const values = new Float32Array(Uint8Array.from(Buffer.from(data, "base64")).buffer);
  expect(values.length).toBe(shape.reduce((product, size) => product * size, 1));
  return values;
}

const finalOf = (document: RunDocument, variant: string) =>
  document.result?.variants.find(({ name }) => name === variant)?.final ?? [];
const layersOf = (document: RunDocument, variant = "baseline") => document.layers.filter((layer) => layer.variant === variant);

/** The top tokens of a variant's final read-outs, against a tensor of logits. */
function expectLogprobs(document: RunDocument, variant: string, fixture: Fixture, tensor: string, text: number): void {
  const final = finalOf(document, variant);
  const expected = fixture.logprobs(tensor, text, 12);
  const width = expected.length / 12;
  expect(final).toHaveLength(12);
  for (const [position, { top }] of final.entries())
    for (const { id, logprob } of top) {
      const value = expected[position * width + id] as number;
      expect(Math.abs((logprob as number) - value)).toBeLessThan(1e-4 * Math.max(1, Math.abs(value)));
    }
}

describe.each(FIXTURES)("%s", (model) => {
  const fixture = readFixture(model);
  const { reference } = fixture;
  const tokens = (text: number, length = 12) => (fixture.texts[text] as readonly number[]).slice(0, length);

  test("a neuron silenced and a vector added give the reference's log-probabilities", async () => {
    const vector = [...reference.values("steer.vector")];
    for (const text of [0, 1]) {
      const document = await post({
        model,
        tokens: tokens(text),
        variants: {
          neuron: [{ op: "ablate", component: "neuron", layers: [1], neurons: [5] }],
          steer: [{ op: "steer", layer: 1, vector }],
          both: [
            { op: "steer", layer: 1, vector, scale: 2 },
            { op: "steer", layer: 1, vector, scale: -1 },
          ],
        },
      });
      expectLogprobs(document, "neuron", fixture, "neuron_zero.1.5", text);
      expectLogprobs(document, "steer", fixture, "steer.1", text);
      const [, , steer, both] = document.meta.variants;
      expect(both?.hash).toBe(steer?.hash);
      expect(steer?.steps[1]?.scales).toEqual([
        { block: 1, site: "resid_post", scale: 1, add: [{ from: "vector", hash: expect.any(String), times: 1 }] },
      ]);
      expect(finalOf(document, "both")).toEqual(finalOf(document, "steer"));
    }
  });

  test("captures are the reference's tensors", async () => {
    const document = await post({
      model,
      tokens: tokens(0, 24),
      readout: { positions: "all", top_k: 1, layers: "final" },
      capture: ["residuals", "components", "head_norms", { neurons: { top: 3, neurons: [0, 7] } }],
    });
    const width = reference.shape("mlp_act.0")[2] as number;
    const layers = layersOf(document);
    const residuals = [...layers.slice(0, -1).map((_, i) => `resid_pre.${i}`), "resid_final"];
    for (const [step, event] of layers.entries()) {
      expect(relativeError(numbers(event.residual as Tensor), reference.values(residuals[step] as string))).toBeLessThan(1e-4);
      if (step === 0) continue;
      const [components] = event.components ?? [];
      const block = step - 1;
      expect(components?.layer).toBe(block);
      expect(relativeError(numbers(components?.attn_out as Tensor), reference.values(`attn_out.${block}`))).toBeLessThan(1e-4);
      expect(relativeError(numbers(components?.mlp_out as Tensor), reference.values(`mlp_out.${block}`))).toBeLessThan(1e-4);
      const activations = reference.values(`mlp_act.${block}`);
      expect(event.neurons?.[0]?.positions).toHaveLength(24);
      for (const { position, ids, values } of event.neurons?.[0]?.positions ?? []) {
        const row = activations.subarray(position * width, (position + 1) * width);
        expect(ids.slice(0, 2)).toEqual([0, 7]);
        expect(
          relativeError(
            values as number[],
            ids.map((id) => row[id] as number),
          ),
        ).toBeLessThan(1e-3);
        const sizes = [...row].map(Math.abs).sort((a, b) => b - a);
        expect(
          relativeError(
            values.slice(2).map((value) => Math.abs(value as number)),
            sizes.slice(0, 3),
          ),
        ).toBeLessThan(1e-3);
      }
      expect(event.head_norms?.[0]?.norms).toHaveLength(24);
      for (const row of event.head_norms?.[0]?.norms ?? []) expect(row).toHaveLength(document.meta.model.n_heads);
    }
  });

  test("attribution adds up to the logit, under edits too", async () => {
    const document = await post({
      model,
      tokens: tokens(0),
      readout: { positions: [0, 5, 11], top_k: 1, layers: "final", targets: [10, 20, 30] },
      capture: ["attribution"],
      variants: {
        mixed: [
          { op: "swap", layers: [0, 1] },
          { op: "ablate", component: "head", layers: [1], heads: [0], with: { scale: 0.5 } },
          { op: "steer", layer: 1, toward: 10, scale: 3 },
          { op: "patch", component: "resid_pre", layers: [0], positions: [5], source: { tokens: tokens(1) } },
        ],
        parallel: [{ op: "parallel", layers: [0, 1] }],
      },
    });
    for (const { name, attribution, final } of document.result?.variants ?? []) {
      for (const [p, { targets = [] }] of final.entries())
        for (const [m, { logit }] of targets.entries()) {
          let sum = (attribution?.embedding[p]?.[m] as number) + (attribution?.bias[m] as number);
          for (const { blocks, edit } of attribution?.steps ?? []) {
            sum += edit?.[p]?.[m] ?? 0;
            for (const { attn, mlp } of blocks) sum += (attn?.[p]?.[m] ?? 0) + (mlp?.[p]?.[m] ?? 0);
          }
          expect(Math.abs(sum - (logit as number)), `${name} ${p} ${m}`).toBeLessThan(
            1e-3 * Math.max(1, Math.abs(logit as number)),
          );
        }
    }
  });

  test("every position of a layer's stream from the source is the source's own run; from the same prompt it is the baseline", async () => {
    const [own, other] = [tokens(0), tokens(1)];
    const patch = (source: readonly number[], layers: object = [1]) => [
      { op: "patch", component: "resid_pre", layers, source: { tokens: source } },
    ];
    const document = await post({
      model,
      tokens: own,
      variants: { same: patch(own), other: patch(other), twice: [...patch(other), ...patch(own)] },
    });
    const alone = await post({ model, tokens: other });
    expectClose(finalOf(document, "same"), finalOf(document, "baseline"), 0);
    expectClose(finalOf(document, "other"), finalOf(alone, "baseline"), 1e-5);
    expect(document.meta.variants[3]?.hash).toBe(document.meta.variants[1]?.hash);
    expect(document.meta.sources?.map(({ tokens: ids }) => ids.map(({ id }) => id))).toEqual([own, other]);
  });

  test("patching what every part adds at every layer is the source's run from the first layer's stream on", async () => {
    const [own, other] = [tokens(0), tokens(1)];
    const layers = { from: 0, to: layersCount() - 1 };
    const source = { tokens: other };
    const heads = Array.from({ length: reference.shape("pattern.0")[1] as number }, (_, head) => head);
    const document = await post({
      model,
      tokens: own,
      variants: {
        parts: [
          { op: "patch", component: "resid_pre", layers: [0], source },
          { op: "patch", component: "attn_out", layers, source },
          { op: "patch", component: "mlp_out", layers, source },
        ],
        heads: [
          { op: "patch", component: "resid_pre", layers: [0], source },
          { op: "patch", component: "head", layers, heads, source },
        ],
      },
    });
    const alone = await post({ model, tokens: other });
    expectClose(finalOf(document, "parts"), finalOf(alone, "baseline"), 1e-5);
    expectClose(finalOf(document, "heads"), finalOf(alone, "baseline"), 1e-5);
  });

  test("a mean is that of the untouched model over positions 1 and up, whatever it is put in the place of", async () => {
    const layer = 1;
    const captured = await Promise.all(
      TALES.map((prompt) =>
        post({
          model,
          prompt,
          readout: { positions: "all", top_k: 1, layers: "final" },
          capture: ["components", { neurons: { layers: [layer], neurons: [2] } }],
        }),
      ),
    );
    const meanOver = (valuesOf: (document: RunDocument) => Float32Array, width: number) => {
      const sum = new Float64Array(width);
      let count = 0;
      for (const values of captured.map(valuesOf))
        for (let i = width; i < values.length; i++, count += 1 / width)
          sum[i % width] = (sum[i % width] as number) + (values[i] as number);
      return sum.map((value) => value / Math.round(count));
    };
    const eventOf = (document: RunDocument, variant = "baseline") =>
      layersOf(document, variant).find(({ step }) => step === layer + 1);
    const part = (name: "attn_out" | "mlp_out") => (document: RunDocument) =>
      numbers(eventOf(document)?.components?.[0]?.[name] as Tensor);
    const d = captured[0]?.meta.model.d_model as number;
    const attn = meanOver(part("attn_out"), d);
    const mlp = meanOver(part("mlp_out"), d);
    const neuron = meanOver(
      (document) => Float32Array.from(eventOf(document)?.neurons?.[0]?.positions.map(({ values }) => values[0] as number) ?? []),
      1,
    );

    const { n_heads = 0, d_mlp = 0 } = captured[0]?.meta.model ?? {};
    const mean = { texts: TALES };
    const ablate = (more: object) => [{ op: "ablate", layers: [layer], with: { mean }, ...more }];
    const document = await post({
      model,
      tokens: tokens(0),
      readout: { positions: "all", top_k: 1, layers: "final" },
      capture: ["components", { neurons: { neurons: [2] } }],
      variants: {
        attn: ablate({ component: "attn" }),
        heads: ablate({ component: "head", heads: Array.from({ length: n_heads }, (_, head) => head) }),
        mlp: ablate({ component: "mlp" }),
        neurons: ablate({ component: "neuron", neurons: Array.from({ length: d_mlp }, (_, i) => i) }),
        neuron: ablate({ component: "neuron", neurons: [2], positions: [3, 4] }),
      },
    });
    const outputs = (variant: string, name: "attn_out" | "mlp_out") =>
      numbers(eventOf(document, variant)?.components?.[0]?.[name] as Tensor);
    for (const [variant, name, expected] of [
      ["attn", "attn_out", attn],
      ["heads", "attn_out", attn],
      ["mlp", "mlp_out", mlp],
      ["neurons", "mlp_out", mlp],
    ] as const)
      for (let position = 0; position < 12; position++) {
        const row = outputs(variant, name).subarray(position * d, (position + 1) * d);
        expect(relativeError(row, expected), `${variant} ${position}`).toBeLessThan(1e-4);
      }
    const shown = (variant: string) =>
      eventOf(document, variant)?.neurons?.[0]?.positions.map(({ values }) => values[0] as number);
    const [before, after] = [shown("baseline") ?? [], shown("neuron") ?? []];
    for (const [position, value] of after.entries()) {
      const expected = position === 3 || position === 4 ? (neuron[0] as number) : (before[position] as number);
      expect(Math.abs(value - expected)).toBeLessThan(1e-4 * Math.max(1, Math.abs(expected)));
    }
    expect(document.meta.means).toEqual([
      {
        ...{ hash: expect.any(String), dataset: null, sha256: null, texts: 3, tokens_per_text: null },
        tokens: captured.reduce((sum, { meta }) => sum + meta.tokens.length, 0),
      },
    ]);
    expect(document.done?.timing_ms.means).toBeGreaterThan(0);
    expect(readdirSync(join(dataDir, "means"))).toContain(`${document.meta.means?.[0]?.hash}.means`);

    // The same texts by the name of a data set are the same mean; cut, they are another.
    const named = async (more: object) =>
      (
        await post({
          model,
          tokens: tokens(0),
          interventions: ablate({ component: "mlp", with: { mean: { dataset: "tales", ...more } } }),
        })
      ).meta.means?.[0];
    const cut = await named({ texts: 2, tokens_per_text: 6 });
    expect(cut).toMatchObject({ dataset: "tales", sha256: expect.stringMatching(/^[0-9a-f]{64}$/), texts: 2, tokens: 12 });
    expect(cut?.hash).not.toBe(document.meta.means?.[0]?.hash);
  });

  test("every cell of a patch sweep has the effect that its logit difference comes to", async () => {
    const [own, other] = [tokens(0, 6), tokens(1, 6)];
    const document = await post({
      model,
      tokens: own,
      readout: { positions: "last", top_k: 1, layers: "final", targets: [10, 20, 30, 40] },
      capture: [],
      sweep: { op: "patch", component: "resid_pre", source: { tokens: other } },
    });
    const L = layersCount();
    const differences = (variant: string) => finalOf(document, variant)[0]?.logit_diff as number[];
    const [baseline, source] = [differences("baseline"), document.result?.source?.[0]?.logit_diff as number[]];
    const comparisons = document.result?.comparison ?? [];
    expect(comparisons).toHaveLength(L * 6);
    for (const { variant, patch_effect = [] } of comparisons) {
      expect(patch_effect).toHaveLength(2);
      for (const [pair, effect] of patch_effect.entries()) {
        const [from, to] = [baseline[pair] as number, source[pair] as number];
        const expected = ((differences(variant)[pair] as number) - from) / (to - from);
        expect(Math.abs((effect as number) - expected)).toBeLessThan(1e-4 * Math.max(1, Math.abs(expected)));
      }
      expect(layersOf(document, variant).at(-1)?.readout?.[0]?.patch_effect).toEqual(patch_effect);
    }
    const alone = await post({ model, tokens: other, readout: { positions: "last", layers: "final", targets: [10, 20] } });
    expect(source[0] as number).toBeCloseTo(finalOf(alone, "baseline")[0]?.logit_diff?.[0] as number, 4);
    expect(
      comparisons
        .map(({ variant }) => variant)
        .slice(0, 7)
        .join(" "),
    ).toBe("patch.0.0 patch.0.1 patch.0.2 patch.0.3 patch.0.4 patch.0.5 patch.1.0");
  });

  function layersCount(): number {
    return reference.names().filter((name) => name.startsWith("resid_pre.")).length;
  }
});

/** Log-probabilities of the same tokens, to within a bound. */
function expectClose(actual: ReturnType<typeof finalOf>, expected: ReturnType<typeof finalOf>, bound: number): void {
  expect(actual).toHaveLength(expected.length);
  expect(expected.length).toBeGreaterThan(0);
  for (const [i, { top }] of actual.entries()) {
    const known = new Map(expected[i]?.top.map(({ id, logprob }) => [id, logprob as number]));
    // What is last in one list may be missing in the other.
    const both = top.filter(({ id }) => known.has(id));
    expect(both.length).toBeGreaterThanOrEqual(top.length - 2);
    for (const { id, logprob } of both) {
      const value = known.get(id) as number;
      expect(Math.abs((logprob as number) - value)).toBeLessThanOrEqual(bound * Math.max(1, Math.abs(value)));
    }
  }
}

describe("Arrays", () => {
  test("are typed in msgpack, with the numbers that JSON has in base64", async () => {
    const body = {
      model: "gpt2",
      tokens: [0, 5, 9],
      readout: { positions: "all", layers: "final", targets: [1] },
      capture: ["residuals", "components", "neurons", "attribution"],
    };
    const [json, msgpack] = await Promise.all([post(body), send(body, "application/vnd.msgpack")]);
    const maps = unpackMultiple(new Uint8Array(await msgpack.arrayBuffer())) as Json[];
    const layer = maps.find(({ type, step }) => type === "layer" && step === 2);
    const expected = layersOf(json)[2];
    expect(layer.residual.data).toBeInstanceOf(Float32Array);
    expect(layer.residual.data).toEqual(numbers(expected?.residual as Tensor));
    expect([...layer.residual.shape]).toEqual([3, json.meta.model.d_model]);
    expect(layer.components[0].mlp_out.data).toEqual(numbers(expected?.components?.[0]?.mlp_out as Tensor));
    expect(layer.neurons[0].positions[1].ids).toBeInstanceOf(Int32Array);
    expect(layer.neurons[0].positions[1].values).toBeInstanceOf(Float64Array);
    expect(maps.find(({ type }) => type === "result").variants[0].attribution.bias).toBeInstanceOf(Float64Array);
  });
});

describe("What is not there is refused before a stream is opened", () => {
  const tokens = [0, 5, 9, 12];
  const mean = (more: object) => ({ interventions: [{ op: "ablate", component: "mlp", layers: [0], with: { mean: more } }] });
  const steer = (more: object) => ({ interventions: [{ op: "steer", layer: 0, ...more }] });
  const sweep = (more: object) => ({
    sweep: { op: "patch", component: "attn_out", source: { tokens: [0, 1, 2, 3] }, ...more },
    readout: { targets: [1, 2] },
  });
  const at = "/interventions/0/with/mean";
  test.each<[string, object, string, string | RegExp]>([
    ["a data set", mean({ dataset: "fables" }), `${at}/dataset`, 'there is no data set "fables"; there are tales'],
    ["a way out of the folder", mean({ dataset: "../datasets/tales" }), `${at}/dataset`, /^there is no data set/],
    ["texts enough", mean({ dataset: "tales", texts: 9 }), `${at}/texts`, "9 texts are more than the data set tales has, 3"],
    [
      "tokens enough",
      mean({ dataset: "tales", texts: 2, tokens_per_text: 60 }),
      `${at}/texts`,
      /^text 0 of the data set tales has \d+ tokens \(BOS included\), fewer than the 60 that are needed$/,
    ],
    [
      "a context so long",
      mean({ dataset: "tales", texts: 2, tokens_per_text: 9999 }),
      `${at}/tokens_per_text`,
      /^9999 tokens are more than the context/,
    ],
    ["a text of two tokens", mean({ texts: ["", "a b"] }), `${at}/texts/0`, /tokens? .*(less|fewer) than/],
    ["a token of one piece", steer({ toward: " the goat and" }), "/interventions/0/toward", /is \d tokens of gpt2 .* exactly 1/],
    ["a token of that id", steer({ away: 5000 }), "/interventions/0/away", /token id 5000 is not in the vocabulary/],
    [
      "a vector as wide",
      steer({ vector: [1, 2, 3] }),
      "/interventions/0/vector",
      /a vector of 3 numbers is not of the width of gpt2, \d+/,
    ],
    [
      "a neuron of that number",
      { interventions: [{ op: "ablate", component: "neuron", layers: [0], neurons: [60_000] }] },
      "/interventions/0/neurons/0",
      /neuron 60000 is out of range: gpt2 has neurons 0 to \d+/,
    ],
    ["a neuron to capture", { capture: [{ neurons: { neurons: [60_000] } }] }, "/capture/0/neurons/neurons/0", /out of range/],
    [
      "a layer to capture",
      { capture: ["norms", { neurons: { top: 1, layers: [99] } }] },
      "/capture/1/neurons/layers/0",
      /layer 99 is out of range/,
    ],
    [
      "a source as long",
      sweep({ source: { tokens: [0, 1] } }),
      "/sweep/positions",
      /"all" goes to position 3, which does not exist in the source/,
    ],
    [
      "a read-out in the source",
      sweep({ source: { tokens: [0, 1] }, positions: [0] }),
      "/readout/positions",
      /position 3 is read out but does not exist/,
    ],
    ["a source in the vocabulary", sweep({ source: { tokens: [5000] } }), "/sweep/source/tokens/0", /token id 5000/],
    [
      "a source in the context",
      sweep({ source: { prompt: "a b c d ".repeat(200) } }),
      "/sweep/source/prompt",
      /more than the context/,
    ],
  ])("%s", async (_, body, pointer, detail) => {
    const response = await send({ model: "gpt2", tokens, ...body });
    const problem = (await response.json()) as Json;
    expect(problem.errors?.[0]?.pointer, JSON.stringify(problem)).toBe(pointer);
    if (typeof detail === "string") expect(problem.detail).toBe(detail);
    else expect(problem.detail).toMatch(detail);
    expect(response.status).toBe(422);
  });
});
