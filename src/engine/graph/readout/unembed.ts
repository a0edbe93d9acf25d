/** The unembed matrix W_U in the read-out graph: logits from hidden vectors, and expectations under distributions. */
import type { LinearSpec } from "../../model-spec.ts";
import { castChunks } from "../chunks.ts";
import type { Graph } from "../onnx.ts";

/** Values added by one node. */
const GROUP = 12;

export interface Unembed {
  /** W_U h, without a bias, in the main graph. [n, d] → [n, V] */
  logits(hidden: string): string;
  /** W_Uᵀw, in any graph. [e, V] → [e, d] */
  expectation(graph: Graph, weights: string): string;
}

/** One matrix for both; where it is cast in the call, both cast it themselves, a chunk of the vocabulary at a time. */
export function unembed(main: Graph, spec: LinearSpec): Unembed {
  const forward = spec.layout === "out_in" ? 1 : 0;
  const isCast = main.names.keepsHalf && spec.weight.type !== "F32";
  if (!isCast) {
    const weight = main.weight(spec.weight);
    return {
      logits: (hidden) => main.op("Gemm", [hidden, weight], { transB: forward }),
      expectation: (graph, weights) => graph.op("Gemm", [weights, weight], { transB: 1 - forward }),
    };
  }
  const chunks = castChunks(main, spec);
  return {
    logits(hidden) {
      const parts = chunks.map((rows) => main.op("Gemm", [hidden, main.weight(spec.weight, rows)], { transB: forward }));
      return main.op("Concat", parts, { axis: 1 });
    },
    expectation(graph, weights) {
      const sizes = chunks.map((rows) => (rows ? rows.to - rows.from : spec.outFeatures));
      const parts = graph.ops("Split", [weights, graph.int64(sizes)], sizes.length, { axis: 1 });
      const products = parts.map((part, index) =>
        graph.op("Gemm", [part, graph.weight(spec.weight, chunks[index])], { transB: 1 - forward }),
      );
      return sum(graph, products);
    },
  };
}

/** Σ values, in groups of groups: in a chain of sums every cast would run before the first product, and be held until its turn. */
function sum(graph: Graph, values: readonly string[]): string {
  if (values.length === 1) return values[0] as string;
  const groups: string[] = [];
  for (let i = 0; i < values.length; i += GROUP) groups.push(graph.op("Sum", values.slice(i, i + GROUP)));
  return sum(graph, groups);
}
