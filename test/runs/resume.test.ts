/** What goes on after a restart: together with what its log has, everything once. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { EventReader } from "../../src/runs/logs/run-logs.ts";
import { goOn, identityOf, readHistory } from "../../src/runs/resume.ts";
import { parseWireEvent, renumbered, type WireEvent, wireEvent } from "../../src/runs/wire-event.ts";

const NAMES = ["baseline", "a", 'a "quoted", "step":3', "back\\slash", "é 1"];
const META = '"run_id":"r","model":{"id":"m","revision":"1","device":"cpu","precision":"float32"},"tokens":[]';

/** Events of a run as they come, the layers in an order. */
function computed(layers: readonly (readonly [name: string, step: number])[]): WireEvent[] {
  const bodies: [WireEvent["type"], string][] = [
    ["meta", META],
    ...layers.map(([name, step]): [WireEvent["type"], string] => [
      "layer",
      `"variant":${JSON.stringify(name)},"step":${step},"layer":null,"readout":[${step / 7}]`,
    ]),
    ["result", '"variants":[]'],
    ["done", '"run_id":"r","timing_ms":{}'],
  ];
  return bodies.map(([type, fields], i) => wireEvent(type, i + 1, fields));
}

function readerOf(events: readonly WireEvent[]): EventReader {
  let read = false;
  return {
    next: async () => {
      const batch = read || events.length === 0 ? null : events;
      read = true;
      return batch;
    },
    close: async () => {},
  };
}

async function* inBatches(events: readonly WireEvent[], size: number): AsyncGenerator<readonly WireEvent[]> {
  for (let at = 0; at < events.length; at += size) yield events.slice(at, at + size);
}

async function gather(batches: AsyncIterable<readonly WireEvent[]>): Promise<WireEvent[]> {
  const all: WireEvent[] = [];
  for await (const batch of batches) {
    expect(batch.length).toBeGreaterThan(0);
    all.push(...batch);
  }
  return all;
}

const body = (event: WireEvent) => renumbered(event, 0).json;

describe("A run that goes on", () => {
  const layers = NAMES.flatMap((name) => Array.from({ length: 4 }, (_, step) => [name, step] as const));

  it("Tells what its log has not, numbered on, wherever that ends and in whatever order layers come", async () => {
    const orders = fc.tuple(
      fc.shuffledSubarray(layers, { minLength: layers.length }),
      fc.shuffledSubarray(layers, { minLength: layers.length }),
      fc.nat(layers.length + 2),
      fc.integer({ min: 1, max: 9 }),
    );
    await fc.assert(
      fc.asyncProperty(orders, async ([before, after, logged, size]) => {
        const had = computed(before).slice(0, logged);
        const history = await readHistory(readerOf(had));
        const all = [...had, ...(await gather(goOn(inBatches(computed(after), size), "r", history)))];
        expect(all.map(({ seq }) => seq)).toEqual(all.map((_, i) => i + 1));
        for (const event of all) expect(parseWireEvent(event.json)).toEqual(event);
        expect(all.map(body).sort()).toEqual(computed(before).map(body).sort());
        expect(all.at(-1)?.type).toBe("done");
      }),
      { numRuns: 50 },
    );
  });

  it("Knows a step of a variant by its name and number, whatever the name holds", () => {
    const identities = computed(layers).map(identityOf);
    expect(new Set(identities).size).toBe(identities.length);
    expect(computed(layers).map((event) => identityOf(renumbered(event, 12_345)))).toEqual(identities);
  });

  it("Ends with an error, and computes no further, when it is no longer the same run", async () => {
    const history = await readHistory(readerOf(computed(layers).slice(0, 3)));
    let computedOn = false;
    async function* other(): AsyncGenerator<readonly WireEvent[]> {
      yield [wireEvent("meta", 1, META.replace('"revision":"1"', '"revision":"2"'))];
      computedOn = true;
    }
    const [error, ...more] = await gather(goOn(other(), "r", history));
    expect([more, computedOn]).toEqual([[], false]);
    expect(JSON.parse(error?.json ?? "")).toMatchObject({
      ...{ type: "error", seq: 4, run_id: "r" },
      problem: {
        code: "conflict",
        detail:
          "The service stopped in the middle of the run, and it cannot go on: the model's revision was 1 when it began and is 2 now.",
      },
    });
  });

  it("Reads where a log ends, and with what", async () => {
    const all = computed(layers);
    expect(await readHistory(readerOf([]))).toEqual({ last: 0, meta: null, terminal: null, seen: new Set() });
    expect(await readHistory(readerOf(all))).toMatchObject({ last: all.length, meta: all[0], terminal: all.at(-1) });
  });
});
