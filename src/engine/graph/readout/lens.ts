/** How a residual stream becomes the vector h that the unembed multiplies: the lenses. */
import type { LinearSpec, ModelSpec } from "../../model-spec.ts";
import { norm } from "../layers.ts";
import { FLOAT, Graph } from "../onnx.ts";

/** The input `lens`; `hidden…`: x is h already. Odd ones leave the unembed's bias out. */
export const LENS = { standard: 0, frozenNorm: 1, hidden: 2, hiddenFrozenNorm: 3 } as const;

/** h for each lens. frozen-norm: (x − mean x)/σ_final ⊙ γ; RMSNorm models: x/rms_final ⊙ γ; no bias. */
export function hiddenOf(main: Graph, spec: ModelSpec): string {
  const branch = (name: string, value: (graph: Graph) => string) => {
    const graph = new Graph(name, main.names);
    graph.output(value(graph), FLOAT);
    return graph;
  };
  const frozen = branch("lens_frozen_norm", (graph) => {
    const centred = spec.finalNorm.kind === "layer" ? graph.op("Sub", ["x", graph.op("ReduceMean", ["x"], { axes: [1] })]) : "x";
    return graph.op("Mul", [graph.op("Mul", [centred, "inverse_sigma"]), graph.weight(spec.finalNorm.weight)]);
  });
  const given = branch("lens_hidden", (graph) => graph.op("Identity", ["x"]));
  const other = branch("lens_other", (graph) => {
    const isFrozen = graph.op("Equal", ["lens", graph.int64(LENS.frozenNorm)]);
    return graph.op("If", [isFrozen], { then_branch: frozen, else_branch: given });
  });
  const standard = branch("lens_standard", (graph) => norm(graph, spec.finalNorm, "x"));
  const isStandard = main.op("Equal", ["lens", main.int64(LENS.standard)]);
  return main.op("If", [isStandard], { then_branch: standard, else_branch: other });
}

/** b_U [V] in any graph, or zeros for the frozen-norm lens, which leaves every bias out; null: the model has none. */
export function unembedBias(main: Graph, { bias }: LinearSpec): ((graph: Graph) => string) | null {
  if (!bias) return null;
  const weight = main.weight(bias);
  return (graph) => {
    const kept = graph.op("Sub", [graph.int64(1), graph.op("Mod", ["lens", graph.int64(2)])]);
    return graph.op("Mul", [weight, graph.op("Cast", [kept], { to: FLOAT })]);
  };
}
