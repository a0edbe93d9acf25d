/** What of a reference can be compared with a model: every tensor's meaning and shape checked before anything runs. */
import { quote } from "../engine/checkpoint/problems.ts";
import type { ModelSpec } from "../engine/model-spec.ts";
import { Problem } from "../problem.ts";
import { variantJob } from "./operations.ts";
import { type ReferenceFile, refused } from "./reference-file.ts";
import { type Quantity, quantityOf, STEER_VECTOR } from "./reference-names.ts";

/** A tensor that is compared. */
export interface PlannedTensor {
  readonly name: string;
  readonly quantity: Quantity;
  /** The prompts that it is of, cut to its length. */
  readonly texts: readonly (readonly number[])[];
  /** Logits of the last position alone. */
  readonly lastOnly: boolean;
}

export interface ReferencePlan {
  readonly tensors: readonly PlannedTensor[];
  /** Names that mean nothing here. */
  readonly unknown: readonly string[];
}

/** N prompts of T tokens each, and the names that belong to them. */
interface Section {
  /** "" or "k.", before every name. */
  readonly prefix: string;
  readonly texts: readonly (readonly number[])[];
}

const MOST_SECTIONS = 1000;

/** Throws `invalid_request`, with every tensor that is not as it must be: what it is, and what is expected. */
export function planReference(file: ReferenceFile, spec: ModelSpec): ReferencePlan {
  const problems: string[] = [];
  const sections = sectionsOf(file, spec, problems);
  if (problems.length > 0) throw refused(file.name, problems);
  const tensors: PlannedTensor[] = [];
  const unknown: string[] = [];
  for (const name of file.names) {
    const section = sections.find(({ prefix }) => (prefix === "" ? !/^\d+\./.test(name) : name.startsWith(prefix)));
    const own = section && name.slice(section.prefix.length);
    if (own === "tokens" || own === STEER_VECTOR) continue;
    const quantity = own && quantityOf(own, spec, () => vectorOf(file, `${section.prefix}${STEER_VECTOR}`, spec));
    if (!quantity) unknown.push(name);
    else {
      const planned = plan(name, file.shape(name) ?? [], quantity, section.texts, spec, problems);
      if (planned) tensors.push(planned);
    }
  }
  if (problems.length > 0) throw refused(file.name, problems);
  if (tensors.length === 0)
    throw refused(file.name, [`none of its tensors is known here: ${quote(unknown)}; docs/certify.md lists the names`]);
  return { tensors, unknown };
}

function sectionsOf(file: ReferenceFile, spec: ModelSpec, problems: string[]): Section[] {
  const prefixes = file.names.flatMap((name) => /^((?:\d+\.)?)tokens$/.exec(name)?.[1] ?? []);
  if (prefixes.length === 0) problems.push(`it has no tensor "tokens" of shape [texts, positions], and no "0.tokens"`);
  if (prefixes.length > MOST_SECTIONS)
    problems.push(`it has ${prefixes.length} tensors of tokens; at most ${MOST_SECTIONS} are read`);
  if (problems.length > 0) return [];
  return prefixes.map((prefix) => ({ prefix, texts: textsOf(file, `${prefix}tokens`, spec, problems) }));
}

function textsOf(file: ReferenceFile, name: string, { vocabSize, contextLength }: ModelSpec, problems: string[]): number[][] {
  const shape = file.shape(name) ?? [];
  const [texts = 0, length = 0] = shape;
  if (shape.length !== 2 || texts < 1 || length < 1) {
    problems.push(`tensor ${quote(name)} has shape ${quote(shape)}; [texts, positions] is expected`);
    return [];
  }
  if (length > contextLength)
    problems.push(`tensor ${quote(name)} has ${length} positions; the model's context has ${contextLength}`);
  const ids = file.ids(name);
  const wrong = ids.findIndex((id) => !(id >= 0 && id < vocabSize));
  if (wrong >= 0)
    problems.push(
      `tensor ${quote(name)} has the id ${ids[wrong]} at text ${Math.floor(wrong / length)}, position ${wrong % length}; the model's tokens are 0 to ${vocabSize - 1}`,
    );
  return Array.from({ length: texts }, (_, text) => ids.slice(text * length, (text + 1) * length));
}

function plan(
  name: string,
  shape: readonly number[],
  quantity: Quantity,
  texts: Section["texts"],
  spec: ModelSpec,
  problems: string[],
): PlannedTensor | null {
  const place = `tensor ${quote(name)}`;
  if ("block" in quantity && quantity.block !== null && quantity.block >= spec.nLayers) {
    problems.push(`${place} is of layer ${quantity.block}; the model has layers 0 to ${spec.nLayers - 1}`);
    return null;
  }
  const [N, T] = [texts.length, texts[0]?.length ?? 0];
  const found = extentOf(shape, quantity, spec, N);
  if (!found || found.n < 1 || found.n > N || found.t < 1 || found.t > T) {
    problems.push(`${place} has shape ${quote(shape)}; ${expectedShape(quantity, spec, N, T)} is expected`);
    return null;
  }
  const lastOnly = quantity.kind === "logits" && shape.length === 2;
  const cut = texts.slice(0, found.n).map((tokens) => tokens.slice(0, lastOnly ? T : found.t));
  if (quantity.kind === "logits") {
    try {
      variantJob(spec, cut[0] ?? [], quantity.operations);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      problems.push(`${place} cannot be computed: ${error.message}`);
    }
  }
  return { name, quantity, texts: cut, lastOnly };
}

/** How many texts and positions a shape is of; null: it is no shape of this quantity. */
function extentOf(
  shape: readonly number[],
  quantity: Quantity,
  { vocabSize, dModel, dMlp, nHeads, nLayers }: ModelSpec,
  N: number,
): { readonly n: number; readonly t: number } | null {
  const [a = 0, b = 0, c = 0, d = 0] = shape;
  const three = (width: number) => (shape.length === 3 && c === width ? { n: a, t: b } : null);
  switch (quantity.kind) {
    case "logits":
      return shape.length === 2 && b === vocabSize ? { n: a, t: 1 } : three(vocabSize);
    case "resid_pre":
      if (quantity.block === null) return shape.length === 4 && a === nLayers && d === dModel ? { n: b, t: c } : null;
      return three(dModel);
    case "mlp_act":
      return three(dMlp);
    case "pattern":
      return shape.length === 4 && b === nHeads && c === d ? { n: a, t: c } : null;
    case "attn_norm":
    case "mlp_norm":
      return shape.length === 2 && a === nLayers && N === 1 ? { n: 1, t: b } : null;
    default:
      return three(dModel);
  }
}

function expectedShape(
  quantity: Quantity,
  { vocabSize, dModel, dMlp, nHeads, nLayers }: ModelSpec,
  N: number,
  T: number,
): string {
  const rows = `1…${N}, 1…${T}`;
  switch (quantity.kind) {
    case "logits":
      return `[${rows}, ${vocabSize}], or [1…${N}, ${vocabSize}] of the last position`;
    case "resid_pre":
      return quantity.block === null ? `[${nLayers}, ${rows}, ${dModel}]` : `[${rows}, ${dModel}]`;
    case "mlp_act":
      return `[${rows}, ${dMlp}]`;
    case "pattern":
      return `[1…${N}, ${nHeads}, t, t] with t of 1…${T}`;
    case "attn_norm":
    case "mlp_norm":
      return `[${nLayers}, 1…${T}], beside tokens of one text,`;
    default:
      return `[${rows}, ${dModel}]`;
  }
}

function vectorOf(file: ReferenceFile, name: string, { dModel }: ModelSpec): number[] {
  const shape = file.shape(name);
  if (!shape) throw refused(file.name, [`tensor ${quote(name)} of shape [${dModel}] is missing; steering needs it`]);
  if (shape.length !== 1 || shape[0] !== dModel)
    throw refused(file.name, [`tensor ${quote(name)} has shape ${quote(shape)}; [${dModel}] is expected`]);
  return Array.from(file.values(name));
}
