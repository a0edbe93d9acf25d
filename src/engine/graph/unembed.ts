/** The unembed matrix W_U in the read-out graph: logits from hidden vectors, and expectations under distributions. */
import type { LinearSpec } from "../model-spec.ts";
import { castChunks } from "./chunks.ts";
import type { Graph } from "./onnx.ts";

export interface Unembed {
  /** W_U h, without a bias, as the value `output` of the main graph. [n, d] → [n, V] */
  logits(hidden: string, output: string): void;
  /** W_Uᵀp, in any graph. [e, V] → [e, d] */
  expectation(graph: Graph, probabilities: string): string;
}

/** One matrix for both; where it is cast in the call, both cast it themselves, a chunk of the vocabulary at a time. */
export function unembed(main: Graph, spec: LinearSpec): Unembed {
  const forward = spec.layout === "out_in" ? 1 : 0;
  const isCast = main.names.keepsHalf && spec.weight.type !== "F32";
  if (!isCast) {
    const weight = main.weight(spec.weight);
    return {
      logits: (hidden, output) => void main.ops("Gemm", [hidden, weight], [output], { transB: forward }),
      expectation: (graph, probabilities) => graph.op("Gemm", [probabilities, weight], { transB: 1 - forward }),
    };
  }
  const chunks = castChunks(main, spec);
  return {
    logits(hidden, output) {
      const parts = chunks.map((rows) => main.op("Gemm", [hidden, main.weight(spec.weight, rows)], { transB: forward }));
      main.ops("Concat", parts, [output], { axis: 1 });
    },
    expectation(graph, probabilities) {
      const sizes = chunks.map((rows) => (rows ? rows.to - rows.from : spec.outFeatures));
      const parts = graph.ops("Split", [probabilities, graph.int64(sizes)], sizes.length, { axis: 1 });
      let sum: string | null = null;
      for (const [index, part] of parts.entries()) {
        const weight = graph.weight(spec.weight, chunks[index]);
        sum = graph.op("Gemm", [part, weight, ...(sum === null ? [] : [sum])], { transB: 1 - forward });
      }
      return sum as string;
    },
  };
}
