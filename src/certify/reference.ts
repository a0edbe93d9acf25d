/** A reference's tensors, against what this engine computes of the same prompts. */
import type { CaptureName, LayerEvent } from "../engine/protocol.ts";
import type { Check, CheckContext } from "./check.ts";
import { wholeLogits, wholeReadout } from "./distribution.ts";
import { Tally } from "./finding.ts";
import { finalOf, type Lab, layerOf, type Observed, range } from "./lab.ts";
import { variantJob } from "./operations.ts";
import type { ReferenceFile } from "./reference-file.ts";
import { kindOf } from "./reference-names.ts";
import type { PlannedTensor, ReferencePlan } from "./reference-plan.ts";

/** Numbers of one read-out: 32 MB of ids and log-probabilities on the pipe. */
const MOST_READ = 4_000_000;

/** One check for each kind of tensor, in the order of names. */
export function referenceChecks(file: ReferenceFile, { tensors }: ReferencePlan): Check[] {
  const kinds = Map.groupBy(tensors, ({ name }) => kindOf(name));
  return [...kinds].map(([kind, members]) => ({
    group: "reference",
    name: kind,
    run: async (context) => {
      const tally = new Tally("relative");
      for (const tensor of members) await compareTensor(context, file, tensor, tally);
      return tally.finding(members.length === 1 ? "1 tensor" : `${members.length} tensors`);
    },
  }));
}

/** Rows along the last dimension; of norms, each number. */
async function compareTensor({ lab }: CheckContext, file: ReferenceFile, tensor: PlannedTensor, tally: Tally): Promise<void> {
  const expected = file.values(tensor.name);
  const shape = file.shape(tensor.name) ?? [];
  const { name, quantity, texts } = tensor;
  const isNorm = quantity.kind === "attn_norm" || quantity.kind === "mlp_norm";
  const width = isNorm ? 1 : (shape.at(-1) as number);
  // Texts come first in every shape but that of all blocks' streams.
  const stacked = quantity.kind === "resid_pre" && quantity.block === null;
  const size = expected.length / texts.length;
  for (const [text, tokens] of texts.entries()) {
    const where = texts.length > 1 ? `${name}, text ${text}` : name;
    const actual = await compute(lab, tensor, tokens);
    tally.compare(
      where,
      actual,
      stacked ? ofText(expected, text, texts.length, lab.spec.nLayers) : expected.subarray(text * size, (text + 1) * size),
      width,
    );
  }
}

/** One text's part of [L, n, t, d]. */
function ofText(values: Float32Array, text: number, texts: number, blocks: number): Float32Array {
  const size = values.length / blocks / texts;
  const part = new Float32Array(size * blocks);
  for (const block of range(blocks)) {
    const from = (block * texts + text) * size;
    part.set(values.subarray(from, from + size), block * size);
  }
  return part;
}

/** What a tensor holds of one text, as the engine computes it. */
async function compute(lab: Lab, { quantity, lastOnly }: PlannedTensor, tokens: readonly number[]): Promise<Float32Array> {
  const { nLayers, dMlp } = lab.spec;
  const show = (capture: CaptureName) => lab.observe({ tokens, capture: [capture] });
  const after = (observed: Observed, block: number) => layerOf(observed, block + 1) as LayerEvent;
  const streams = (observed: Observed, steps: readonly number[]) => join(steps.map((step) => layerOf(observed, step)?.residual));
  switch (quantity.kind) {
    case "logits":
      return logits(lab, tokens, quantity.operations, lastOnly ? [tokens.length - 1] : range(tokens.length));
    case "resid_pre":
      return streams(await show("residuals"), quantity.block === null ? range(nLayers) : [quantity.block]);
    case "resid_final":
      return streams(await show("residuals"), [nLayers]);
    case "attn_out":
      return join([after(await show("components"), quantity.block).components?.[0]?.attnOut]);
    case "mlp_out":
      return join([after(await show("components"), quantity.block).components?.[0]?.mlpOut]);
    case "pattern":
      return join([after(await show("patterns"), quantity.block).patterns?.[0]?.weights]);
    case "mlp_act": {
      const neurons = { top: 0, chosen: [{ block: quantity.block, neurons: range(dMlp) }] };
      const observed = await lab.observe({ tokens, capture: ["neurons"], neurons });
      return join([after(observed, quantity.block).neurons?.find(({ block }) => block === quantity.block)?.values]);
    }
    case "attn_norm":
    case "mlp_norm": {
      const observed = await show("norms");
      const field = quantity.kind === "attn_norm" ? "attnOut" : "mlpOut";
      return join(range(nLayers).map((block) => after(observed, block).norms?.[field]));
    }
  }
}

/** [positions · V], some positions at a time. */
async function logits(
  lab: Lab,
  tokens: readonly number[],
  operations: Parameters<typeof variantJob>[2],
  positions: readonly number[],
): Promise<Float32Array> {
  const { topK, targets } = wholeReadout(lab.spec);
  const atOnce = Math.max(1, Math.floor(MOST_READ / lab.spec.vocabSize));
  const parts: Float32Array[] = [];
  for (let from = 0; from < positions.length; from += atOnce) {
    const readout = { topK, targets: [...targets, 0], positions: positions.slice(from, from + atOnce) };
    const observed = await lab.observe({ ...variantJob(lab.spec, tokens, operations), readout });
    parts.push(wholeLogits(finalOf(observed), lab.spec));
  }
  return join(parts);
}

/** One after the other; what is missing is missing from the length. */
function join(parts: readonly (Float32Array | null | undefined)[]): Float32Array {
  const joined = new Float32Array(parts.reduce((sum, part) => sum + (part?.length ?? 0), 0));
  let at = 0;
  for (const part of parts) {
    if (part) joined.set(part, at);
    at += part?.length ?? 0;
  }
  return joined;
}
