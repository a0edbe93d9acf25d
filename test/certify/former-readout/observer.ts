/** A model in this process whose read-out is the former one, or today's, as checks of the certificate observe it. */
import { type InferenceSession, Tensor } from "onnxruntime-node";
import type { Observer } from "../../../src/certify/lab.ts";
import type { Backend, ReadoutChunk, ReadoutChunkResult } from "../../../src/engine/backend/backend.ts";
import { cpuBackend } from "../../../src/engine/backend/cpu/backend.ts";
import { gathered } from "../../../src/engine/backend/cpu/readout.ts";
import { openTensorFiles } from "../../../src/engine/checkpoint/rows.ts";
import { Counters } from "../../../src/engine/counters.ts";
import { writeBlocks } from "../../../src/engine/graph/blocks.ts";
import { writeReadout } from "../../../src/engine/graph/readout/readout.ts";
import type { ModelSpec } from "../../../src/engine/model-spec.ts";
import type { LayerEvent, RunJob } from "../../../src/engine/protocol.ts";
import { baselineSchedule } from "../../../src/engine/schedule.ts";
import { createSession } from "../../../src/engine/session.ts";
import { Unembed } from "../../../src/engine/unembed.ts";
import { Wavefront } from "../../../src/engine/wavefront/wavefront.ts";
import { result } from "../../support/engine.ts";
import { FORMER_OUTPUTS, formerReadout } from "./graph.ts";

const OPTIONS = { threads: null, weights: "packed", half: null } as const;

export async function observerOf(spec: ModelSpec, which: "former" | "present"): Promise<Observer & { close(): Promise<void> }> {
  const present = cpuBackend(
    await createSession(writeBlocks(spec), OPTIONS),
    await createSession(writeReadout(spec), OPTIONS),
    spec,
  );
  const session = await createSession(formerReadout(spec), OPTIONS);
  const backend: Backend = which === "present" ? present : { ...present, readOut: former(session, present, spec) };
  const files = openTensorFiles();
  const wavefront = new Wavefront({
    ...{ spec, backend, unembed: new Unembed(spec, files), memory: null },
    embed: (tokens) => files.readRows(spec.tokenEmbedding, tokens),
    counters: new Counters((error) => {
      throw error;
    }),
  });
  return {
    spec,
    async observe({ readout, ...given }) {
      const positions = [...given.tokens.keys()];
      const job: RunJob = {
        ...{ id: "observed", model: "test", priority: "interactive", baseline: null, capture: [] },
        schedules: [baselineSchedule(spec.nLayers)],
        ...given,
        readout: { positions, layers: "final", topK: 1, lens: "standard", targets: [], ...readout },
      };
      const events: Parameters<typeof result>[0][number][] = [];
      wavefront.add(job, (event) => events.push(event));
      while (wavefront.hasWork) await wavefront.step();
      return { layers: events.filter((event): event is LayerEvent => event.type === "layer"), result: result(events) } as never;
    },
    async close() {
      await session.release();
      files.close();
      await present.close();
    },
  };
}

/** Divergences in double are as they are now: those were right. */
function former(session: InferenceSession, present: Backend, spec: ModelSpec): Backend["readOut"] {
  return async (chunk) => {
    if (chunk.mode === "divergence") return present.readOut(chunk);
    const x = gathered(chunk.rows, spec.dModel);
    const rows = x.length / spec.dModel;
    const ids = (values: ArrayLike<number>, dims: readonly number[]) =>
      new Tensor("int64", BigInt64Array.from(values, BigInt), dims);
    const k = Math.min(chunk.topK, spec.tokenCount);
    const m = Math.max(1, chunk.followedCount);
    const references = chunk.referenceRows ?? [0];
    const out = await session.run(
      {
        x: new Tensor("float32", x, [rows, spec.dModel]),
        is_hidden: ids([chunk.lens === "hidden" ? 1 : 0], []),
        followed: ids(chunk.followedCount > 0 ? chunk.followed : new Array(rows).fill(0), [rows, m]),
        expect: ids(chunk.expect, [chunk.expect.length]),
        reference_rows: ids(references, [references.length]),
        k: ids([k], [1]),
      },
      FORMER_OUTPUTS,
    );
    return asNow(out, chunk, k, (row) => references[references.length === 1 ? 0 : row] as number);
  };
}

/** What it gave, in today's terms: every number comes out as it came out then. */
function asNow(
  out: InferenceSession.OnnxValueMapType,
  chunk: ReadoutChunk,
  k: number,
  referenceOf: (row: number) => number,
): ReadoutChunkResult {
  const data = (name: (typeof FORMER_OUTPUTS)[number]) => out[name]?.data as Float32Array;
  const peak = data("peak");
  const rest = Float64Array.from(data("peak_probability"), (probability) => 1 / probability - 1);
  const topIds = out.top_ids?.data as BigInt64Array;
  const compared = chunk.referenceRows !== null;
  return {
    k,
    hidden: data("hidden"),
    topIds,
    topRows: BigInt64Array.from(peak, (_, row) => topIds[row * k] as bigint),
    topLogprobs: Float64Array.from(data("top_logprobs")),
    entropyNats: Float64Array.from(data("entropy")),
    peak,
    rest,
    followedLogits: chunk.followedCount > 0 ? data("followed_logits") : new Float32Array(0),
    followedLogprobs: Float64Array.from(chunk.followedCount > 0 ? data("followed_logprobs") : []),
    followedAbove: new Float32Array(chunk.followed.length),
    expectation: Float64Array.from(data("expectation")),
    expectedBias: new Float64Array(chunk.expect.length),
    kept: null,
    difference: Float64Array.from(compared ? data("difference") : [], (sum, row) => {
      const p = referenceOf(row);
      return (sum + (peak[row] as number) - (peak[p] as number)) * (1 + (rest[p] as number));
    }),
    divergence: new Float64Array(0),
  };
}
