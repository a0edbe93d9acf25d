/** Operations and captures as a client gets them: a real engine behind a real port, against the fixtures and against laws. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createApp } from "../../src/app.ts";
import { readConfig } from "../../src/config.ts";
import { createEngine } from "../../src/engine/client.ts";
import type { Engine } from "../../src/engine/protocol.ts";
import { listen } from "../../src/listen.ts";
import type { Tensor } from "../../src/schemas/events.ts";
import { RunDocument } from "../../src/schemas/runs.ts";
import { CHECKPOINTS, FIXTURES, type Fixture, readFixture } from "../support/fixtures.ts";
import { relativeError } from "../support/reference.ts";

const dataDir = mkdtempSync(join(tmpdir(), "stratascope-operations-"));
let engine: Engine;
let url: string;
let server: Awaited<ReturnType<typeof listen>>;

beforeAll(async () => {
  const config = readConfig({ MODELS_DIR: CHECKPOINTS, DATA_DIR: dataDir, PORT: "0" });
  engine = createEngine({
    device: "cpu",
    modelsDir: CHECKPOINTS,
    threads: null,
    weights: "packed",
    halfPrecision: "auto",
    memoryBytes: 2 ** 32,
    idleSeconds: null,
    log: () => {},
  });
  const { app } = createApp({ config, engine });
  server = await listen((request, bindings) => app.fetch(request, bindings), config);
  url = `http://127.0.0.1:${server.port}`;
});
afterAll(async () => {
  await server.stop(true);
  await engine.stop();
  rmSync(dataDir, { recursive: true });
});

const send = (body: object, accept = "application/json") =>
  fetch(`${url}/v1/runs`, {
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
