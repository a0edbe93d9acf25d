/** Events of a small run, written by hand: what the service would send. */
import type { LayerEvent, MetaEvent, ResultEvent } from "../../src/schemas/events.ts";
import type { Step } from "../../src/schemas/normal-form.ts";

const PROMPT = ["<|endoftext|>", "She", " looked", " into", " the"];
export const LAST = PROMPT.length - 1;

export const steps = (...blocks: (number | number[])[]): Step[] => blocks.map((block) => ({ blocks: [block].flat() }));

export function metaEvent(variants: Record<string, Step[]>, nLayers = 4): MetaEvent {
  return {
    type: "meta",
    seq: 1,
    schema_version: 1,
    run_id: "run-1",
    model: {
      id: "tiny",
      family: "gpt2",
      revision: "0",
      n_layers: nLayers,
      d_model: 8,
      n_heads: 2,
      d_mlp: 32,
      vocab_size: 64,
      device: "cpu",
      precision: "float32",
    },
    tokens: PROMPT.map((text, position) => ({ position, id: position, text })),
    bos: { prepended: true, by: "tokenizer" },
    positions: [LAST],
    variants: Object.entries(variants).map(([name, list]) => ({ name, steps: list, hash: name })),
  };
}

const readout = (id: number, text: string, probability: number, bits: number) => ({
  position: LAST,
  top: [{ id, text, logprob: Math.log(probability) }],
  entropy_bits: bits,
  target: null,
});

export function layerEvent(variant: string, step: number, layer: number | null, text = " room", id = 7): LayerEvent {
  const norms = [
    { position: LAST, attn_out: layer === null ? null : 1.5, mlp_out: layer === null ? null : 12.25, resid_post: 1234.5 },
  ];
  return { type: "layer", seq: 2, variant, step, index: step, layer, readout: [readout(id, text, 0.25, 5.125)], norms };
}

export const resultEvent: ResultEvent = {
  type: "result",
  seq: 9,
  variants: [
    { name: "baseline", layers: [], final: [readout(7, " room", 0.25, 5)] },
    { name: "intervened", layers: [], final: [readout(8, " night", 0.125, 6.5)] },
  ],
  comparison: [
    {
      variant: "intervened",
      position: LAST,
      kl_nats: 0.3125,
      top1_agreement: false,
      entropy_change_bits: 1.5,
      loss_change_nats: null,
    },
  ],
};
