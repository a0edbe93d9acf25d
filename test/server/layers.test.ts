/** How layers are named and numbered, and which of them have events, over HTTP: a real engine behind a real port. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { unpackMultiple } from "msgpackr";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LayerEvent } from "../../src/schemas/events.ts";
import { RunDocument, RunPlan } from "../../src/schemas/runs.ts";
import { type Json, readSse } from "../support/app.ts";
import { CHECKPOINTS } from "../support/fixtures.ts";
import { startService, type TestService } from "../support/service.ts";

const LAYERS = 5;
const base = { model: "gpt2", tokens: [5, 10, 20, 40, 80, 160] };

let service: TestService;
beforeAll(async () => {
  service = await startService({ MODELS_DIR: CHECKPOINTS, DATA_DIR: mkdtempSync(join(tmpdir(), "stratascope-layers-")) });
});
afterAll(() => service.stop());

const post = (path: string, body: object, accept = "application/json", headers = {}) =>
  fetch(`${service.url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", accept, ...headers },
    body: JSON.stringify(body),
  });

async function run(body: object): Promise<RunDocument> {
  const response = await post("/v1/runs", { ...base, ...body });
  const document = await response.json();
  expect(response.status, JSON.stringify(document).slice(0, 300)).toBe(200);
  return RunDocument.parse(document);
}

async function refused(path: string, body: object): Promise<unknown[]> {
  const response = await post(path, body);
  return [response.status, ...((await response.json()) as { errors: unknown[] }).errors];
}

describe("The index of a layer event", () => {
  const interventions = [{ op: "order", layers: [3, [0, 1], 3] }];
  const placesOf = (events: readonly Json[], variant: string) =>
    events
      .filter((event) => event.type === "layer" && event.variant === variant)
      .map(({ step, index, layer }) => [step, index, layer]);
  const expectPlaces = (events: readonly Json[]) => {
    expect(placesOf(events, "baseline")).toEqual([
      [0, 0, null],
      ...[0, 1, 2, 3, 4].map((layer) => [layer + 1, layer + 1, layer]),
    ]);
    expect(placesOf(events, "intervened").map((place) => JSON.stringify(place))).toEqual([
      "[0,0,null]",
      "[1,1,3]",
      "[2,2,[0,1]]",
      "[3,3,3]",
    ]);
  };

  it("Is 0 for the embedding and then counts steps, in every form and in the result", async () => {
    const body = { ...base, interventions };
    const [sse, ndjson, msgpack] = await Promise.all(
      ["text/event-stream", "application/x-ndjson", "application/vnd.msgpack"].map((form) => post("/v1/runs", body, form)),
    );
    expectPlaces(await readSse(sse as Response));
    expectPlaces(
      (await (ndjson as Response).text())
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as Json),
    );
    const maps = unpackMultiple(new Uint8Array(await (msgpack as Response).arrayBuffer())) as Json[];
    // Lists of numbers are typed arrays there.
    expectPlaces(
      maps.map((map) => (ArrayBuffer.isView(map.layer) ? { ...map, layer: Array.from(map.layer as Int32Array) } : map)),
    );
    const { layers, result } = await run({ interventions });
    expectPlaces(layers);
    expect(result?.variants[1]?.layers.map(({ step, index, layer }) => [step, index, layer])).toEqual([
      [0, 0, null],
      [1, 1, 3],
      [2, 2, [0, 1]],
      [3, 3, 3],
    ]);
  });

  it("Stands in what is replayed", async () => {
    const started = await post("/v1/runs", { ...base, interventions }, "application/json", { prefer: "respond-async" });
    expect(started.status).toBe(202);
    const response = await fetch(`${service.url}${started.headers.get("location")}/events`, {
      headers: { accept: "text/event-stream" },
    });
    expectPlaces(await readSse(response));
  });
});

describe("Captures by default", () => {
  const stepsOf = (layers: readonly LayerEvent[]) => layers.map(({ variant, step }) => `${variant} ${step}`);

  it("Are none where only last steps are read out: one event a variant", async () => {
    const { layers } = await run({ sweep: ["delete"], readout: { layers: "final" } });
    expect(layers).toHaveLength(1 + LAYERS);
    expect(new Set(stepsOf(layers))).toEqual(new Set(["baseline 5", ...[0, 1, 2, 3, 4].map((layer) => `delete.${layer} 4`)]));
    for (const layer of layers) expect([layer.readout?.length, layer.norms]).toEqual([1, undefined]);
    const patched = await run({
      sweep: { op: "patch", component: "resid_pre", positions: [-1], source: { tokens: [1, 2, 3, 4, 5, 6] } },
      readout: { layers: "final", targets: [1, 2] },
    });
    expect(patched.layers).toHaveLength(1 + LAYERS);
  });

  it("Are norms of every step otherwise, and what is asked for is sent", async () => {
    const { layers } = await run({});
    expect(layers.map(({ norms }) => norms?.length)).toEqual([undefined, ...Array(LAYERS).fill(1)]);
    const asked = await run({ readout: { layers: "final" }, capture: ["norms"] });
    expect(asked.layers.map(({ norms, readout }) => [norms?.length, readout?.length])).toEqual([
      ...Array(LAYERS - 1).fill([1, undefined]),
      [1, 1],
    ]);
    expect((await run({ capture: [] })).layers.map(({ norms }) => norms)).toEqual(Array(1 + LAYERS).fill(undefined));
  });

  it("Are what a dry run reckons with", async () => {
    const limits = { readout: { layers: "final" }, sweep: ["delete", "swap"] };
    const plan = async (more: object) =>
      RunPlan.parse(await (await post("/v1/runs?dry_run=true", { ...base, ...limits, ...more })).json());
    expect(await plan({})).toEqual(await plan({ capture: [] }));
  });
});

describe("Negative layers", () => {
  it("Are resolved before anything is named", async () => {
    const counted = await run({ variants: { last: [{ op: "delete", layers: [-1] }] }, readout: { layers: "final" } });
    const named = await run({ variants: { last: [{ op: "delete", layers: [4] }] }, readout: { layers: "final" } });
    expect(counted.meta.variants).toEqual(named.meta.variants);
    expect(counted.result?.comparison).toEqual(named.result?.comparison);
    const source = { tokens: [1, 2, 3, 4, 5, 6] };
    const sweep = { op: "patch", component: "resid_pre", layers: [-1, 0], positions: [-1], source };
    const { meta } = await run({ sweep, readout: { layers: "final", targets: [1, 2] } });
    expect(meta.variants.map(({ name }) => name)).toEqual(["baseline", "patch.4.5", "patch.0.5"]);
    expect(meta.variants[1]?.steps[4]?.scales?.[0]).toMatchObject({ block: 4, site: "resid_pre" });
    const { layers } = await run({ capture: [{ neurons: { top: 1, layers: [-2] } }] });
    expect(layers.flatMap(({ neurons }) => neurons?.map(({ layer }) => layer) ?? [])).toEqual([3]);
  });

  it("Are settings of experiments too", async () => {
    const data = { tokens: [base.tokens] };
    const start = (kind: string, settings: object) => post("/v1/experiments", { kind, model: "gpt2", data, settings });
    const resultOf = async (response: Response) => {
      expect(response.status).toBe(201);
      const { id } = (await response.json()) as { id: string };
      await (await fetch(`${service.url}/v1/experiments/${id}/events`)).text(); // to its end
      return (await (await fetch(`${service.url}/v1/experiments/${id}/result`)).json()) as Json;
    };
    const heads = await resultOf(await start("head-importance", { layers: [-1] }));
    expect(new Set(heads.rows.map(({ layer }: Json) => layer))).toEqual(new Set([4]));
    const [counted, named] = [
      await resultOf(await start("activations", { layers: [-2, -1], sites: ["resid_pre"] })),
      await resultOf(await start("activations", { layers: [3, 4], sites: ["resid_pre"] })),
    ];
    expect(counted.rows[0].activations).toBe(named.rows[0].activations);
    const variants = await resultOf(
      await start("variants", { variants: { last: [{ op: "exit", after: -2 }], also: [{ op: "delete", layers: [4] }] } }),
    );
    const means = (variant: string) => variants.rows.filter((row: Json) => row.variant === variant).map(({ mean }: Json) => mean);
    expect(means("last")).toEqual(means("also"));
  });

  it("Are refused beyond the first, with the range", async () => {
    const detail = "layer -6 is out of range: gpt2 has 5 layers, so layers -5 to 4";
    const source = { tokens: base.tokens };
    const at = (pointer: string) => [422, { pointer, detail }];
    const of = (body: object) => refused("/v1/runs", { ...base, ...body });
    expect(await of({ interventions: [{ op: "delete", layers: [0, -6] }] })).toEqual(at("/interventions/0/layers/1"));
    expect(await of({ interventions: [{ op: "replace", layer: 0, with: -6 }] })).toEqual(at("/interventions/0/with"));
    expect(await of({ interventions: [{ op: "exit", after: -6 }] })).toEqual(at("/interventions/0/after"));
    expect(await of({ capture: [{ neurons: { top: 1, layers: [-6] } }] })).toEqual(at("/capture/0/neurons/layers/0"));
    expect(
      await of({
        sweep: { op: "patch", component: "resid_pre", layers: { from: -6, to: -1 }, source },
        readout: { targets: [1, 2] },
      }),
    ).toEqual(at("/sweep/layers/from"));
    const experiment = { kind: "head-importance", model: "gpt2", data: { tokens: [base.tokens] }, settings: { layers: [-6] } };
    expect(await refused("/v1/experiments", experiment)).toEqual(at("/settings/layers/0"));
  });
});
