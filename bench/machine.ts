/** What this machine can do: its matrix rate through ONNX Runtime, measured in the same run as everything else. */
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { type InferenceSession, Tensor } from "onnxruntime-node";
import { encodeModel, FLOAT, Graph, Names } from "../src/engine/graph/onnx.ts";
import type { ModelSpec } from "../src/engine/model-spec.ts";
import { createSession } from "../src/engine/session.ts";

const ROWS = 768;

/** GFLOP/s of one big product: the best of some tries. */
export type MatrixRate = (tries?: number) => Promise<number>;

/** With packed weights, [768, d] × [d, d_mlp]. */
export async function matrixRate(spec: ModelSpec): Promise<MatrixRate> {
  const up = spec.blocks[0]?.mlp.up;
  if (!up) throw new Error("a model without blocks has no matrix to measure");
  const graph = new Graph("rate", new Names());
  graph.input("a", FLOAT, [ROWS, spec.dModel]);
  graph.ops("Gemm", ["a", graph.weight(up.weight)], ["b"], { transB: up.layout === "out_in" ? 1 : 0 });
  graph.output("b", FLOAT);
  const session: InferenceSession = await createSession(encodeModel(graph), { threads: null, weights: "packed", half: "folded" });
  const a = new Tensor("float32", new Float32Array(ROWS * spec.dModel).fill(0.1), [ROWS, spec.dModel]);
  const b = new Tensor("float32", new Float32Array(ROWS * spec.dMlp), [ROWS, spec.dMlp]);
  return async (tries = 12) => {
    let best = Number.POSITIVE_INFINITY;
    for (let i = 0; i < tries; i++) {
      const start = performance.now();
      await session.run({ a }, { b });
      best = Math.min(best, performance.now() - start);
    }
    return (2 * ROWS * spec.dModel * spec.dMlp) / best / 1e6;
  };
}

export function machineName(): string {
  const [first] = cpus();
  return `${cpus().length} cores of ${first?.model ?? "an unknown processor"}, ${process.platform}-${process.arch}`;
}

/** Proportional set size of a process in bytes, mapped pages included (Linux); 0 where it has just ended. */
export function proportionalSetSize(pid: number | null): number {
  try {
    return Number(/^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** The most memory that a process has had in bytes (Linux); 0 where it has just ended. */
export function peakMemory(pid: number | null): number {
  try {
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
