/** What a request captures, as the engine is asked for it. */
import type { CaptureName, NeuronSpec } from "../engine/protocol.ts";
import { listLayers } from "../interventions/named.ts";
import { range } from "../interventions/refusal.ts";
import { Problem } from "../problem.ts";
import type { Capture, NeuronCapture } from "../schemas/run-request.ts";
import type { ServedModel } from "./served-models.ts";
import { refuse } from "./tokens.ts";

/** Neurons of a layer that `neurons` alone gives. */
const DEFAULT_TOP = 10;

export interface Captures {
  readonly capture: readonly CaptureName[];
  readonly neurons: NeuronSpec | null;
  /** Layers whose neurons are told; null: all. */
  readonly neuronLayers: ReadonlySet<number> | null;
}

type Shape = Pick<ServedModel, "id" | "nLayers" | "nHeads" | "dModel" | "dMlp">;

/** Every capture once. Refuses layers and neurons that the model has not. */
export function capturesOf(captures: readonly Capture[], model: Shape): Captures {
  const at = captures.findIndex((one) => one === "neurons" || typeof one === "object");
  const said = captures[at];
  const capture = [...new Set(captures.map((one): CaptureName => (typeof one === "object" ? "neurons" : one)))];
  if (!said) return { capture, neurons: null, neuronLayers: null };
  const asked: NeuronCapture = typeof said === "object" ? said.neurons : { top: DEFAULT_TOP };
  const blocks = layersOf(asked, `/capture/${at}/neurons`, model);
  const chosen = chosenOf(asked, `/capture/${at}/neurons/neurons`, model);
  return {
    capture,
    neurons: {
      top: Math.min(asked.top ?? 0, model.dMlp),
      chosen: chosen.length > 0 ? blocks.map((block) => ({ block, neurons: chosen })) : [],
    },
    neuronLayers: asked.layers === undefined ? null : new Set(blocks),
  };
}

function layersOf({ layers }: NeuronCapture, pointer: string, model: Shape): number[] {
  try {
    return listLayers(layers ?? { from: 0, to: model.nLayers - 1 }, `${pointer}/layers`, model).map(({ block }) => block);
  } catch (error) {
    const first = error instanceof Problem ? error.errors?.[0] : undefined;
    if (first) refuse(first.pointer, first.detail);
    throw error;
  }
}

function chosenOf({ neurons = [] }: NeuronCapture, pointer: string, model: Shape): number[] {
  const seen = new Set<number>();
  for (const [i, neuron] of neurons.entries()) {
    if (neuron >= model.dMlp)
      refuse(`${pointer}/${i}`, `neuron ${neuron} is out of range: ${model.id} has neurons ${range(model.dMlp - 1)}`);
    if (seen.has(neuron)) refuse(`${pointer}/${i}`, `neuron ${neuron} is named twice`);
    seen.add(neuron);
  }
  return [...seen].sort((a, b) => a - b);
}
