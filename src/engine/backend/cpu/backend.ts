/** A model on the CPU: two sessions, streams in memory. */
import type { InferenceSession } from "onnxruntime-node";
import type { ModelSpec } from "../../model-spec.ts";
import type { Backend } from "../backend.ts";
import { ReadoutRunner, vectorsOf } from "../readout-runner.ts";
import { BlockRunner } from "./blocks.ts";
import { gathered } from "./readout.ts";
import { cpuStreams } from "./streams.ts";

/** Takes over the sessions: closing it releases them. */
export function cpuBackend(blocks: InferenceSession, readout: InferenceSession, spec: ModelSpec): Backend {
  const runner = new BlockRunner(blocks, spec);
  const reader = new ReadoutRunner(readout, spec);
  return {
    ...cpuStreams(spec.dModel),
    runBlock: (block, rows) => runner.run(block, rows),
    readOut: (chunk) => reader.run(chunk, vectorsOf(gathered(chunk.rows, spec.dModel), spec.dModel)),
    close: async () => {
      await blocks.release();
      await readout.release();
    },
  };
}
