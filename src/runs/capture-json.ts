/** Captures as JSON text. */
import type { Attribution, ComponentRows, HeadNormRows, NeuronRows, RunJob } from "../engine/protocol.ts";
import { list, single, table, tensor } from "./numbers.ts";

/** `HeadNorms`: [P, H] */
export function headNormsJson({ block, norms }: HeadNormRows, positions: number): string {
  return `{"layer":${block},"norms":${table(norms, positions)}}`;
}

/** `NeuronActivations`: [P, k] */
export function neuronsJson({ block, ids, values }: NeuronRows, positions: readonly number[]): string {
  const k = ids.length / positions.length;
  const rows = positions.map((position, p) => {
    const [from, to] = [p * k, (p + 1) * k];
    return `{"position":${position},"ids":[${ids.subarray(from, to).join()}],"values":${list(values.subarray(from, to), single)}}`;
  });
  return `{"layer":${block},"positions":[${rows.join()}]}`;
}

/** `ComponentOutputs`: [P, d] each */
export function componentsJson({ block, attnOut, mlpOut }: ComponentRows, positions: number): string {
  const part = (values: Float32Array | null) => (values ? tensor(values, positions) : "null");
  return `{"layer":${block},"attn_out":${part(attnOut)},"mlp_out":${part(mlpOut)}}`;
}

/** `Attribution`: [P, m] each, heads [P, H, m] */
export function attributionJson({ embedding, bias, steps }: Attribution, { readout }: Pick<RunJob, "readout">): string {
  const positions = readout.positions.length;
  const part = (values: Float32Array | null) => (values ? table(values, positions) : "null");
  const heads = (values: Float32Array | null) => {
    if (!values) return "null";
    const width = values.length / positions;
    const at = (p: number) => values.subarray(p * width, (p + 1) * width);
    return `[${Array.from({ length: positions }, (_, p) => table(at(p), width / readout.targets.length)).join()}]`;
  };
  const spelled = steps.map(({ step, blocks, edit }) => {
    const parts = blocks.map(
      (each) => `{"layer":${each.block},"attn":${part(each.attn)},"mlp":${part(each.mlp)},"heads":${heads(each.heads)}}`,
    );
    return `{"step":${step},"blocks":[${parts.join()}],"edit":${part(edit)}}`;
  });
  return `{"embedding":${part(embedding)},"bias":${list(bias, single)},"steps":[${spelled.join()}]}`;
}
