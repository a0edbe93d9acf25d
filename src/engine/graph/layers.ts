/** The parts that blocks and read-out are built from. Shapes: n flat positions, d = d_model. */
import type { Activation, LinearSpec, NormSpec } from "../model-spec.ts";
import { castChunks } from "./chunks.ts";
import type { Graph } from "./onnx.ts";

/** LayerNorm or RMSNorm over the last axis. [.., d] → [.., d] */
export function norm(graph: Graph, spec: NormSpec, x: string): string {
  const epsilon = { float: spec.epsilon };
  if (spec.kind === "layer") {
    const bias = spec.bias ? [graph.weight(spec.bias)] : [];
    return graph.op("LayerNormalization", [x, graph.weight(spec.weight), ...bias], { axis: -1, epsilon });
  }
  const scaled = graph.op("SimplifiedLayerNormalization", [x, graph.weight(spec.weight)], { axis: -1, epsilon });
  return spec.bias ? graph.op("Add", [scaled, graph.weight(spec.bias)]) : scaled;
}

/** x·W + b, weights read as the file stores them; columns chunk by chunk where `castChunks` says so. [n, in] → [n, out] */
export function linear(graph: Graph, spec: LinearSpec, x: string): string {
  const { weight, bias, layout } = spec;
  const transB = layout === "out_in" ? 1 : 0;
  const parts = castChunks(graph, spec).map((rows) =>
    graph.op("Gemm", [x, graph.weight(weight, rows), ...(bias ? [graph.weight(bias, rows)] : [])], { transB }),
  );
  return parts.length === 1 ? (parts[0] as string) : graph.op("Concat", parts, { axis: 1 });
}

/** The same with weights that are in the graph already, all at once. */
export function linearWith(graph: Graph, spec: LinearSpec, weight: string, x: string): string {
  const inputs = [x, weight, ...(spec.bias ? [graph.weight(spec.bias)] : [])];
  return graph.op("Gemm", inputs, { transB: spec.layout === "out_in" ? 1 : 0 });
}

/** gelu: x·Φ(x), exact; gelu_tanh: its tanh approximation ("gelu_new"); silu: x·σ(x). */
export function activate(graph: Graph, kind: Activation, x: string): string {
  switch (kind) {
    case "gelu":
      return graph.contrib("Gelu", [x]);
    case "gelu_tanh":
      return graph.contrib("FastGelu", [x]);
    case "silu":
      return graph.contrib("QuickGelu", [x], { alpha: { float: 1 } });
    case "relu":
      return graph.op("Relu", [x]);
  }
}
