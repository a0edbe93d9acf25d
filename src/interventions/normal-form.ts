import { createHash } from "node:crypto";
import type { Addend, BlockUse, Edit, Schedule, Site, Step } from "../engine/schedule.ts";
import type { Addition, Scale, Variant, Step as WireStep } from "../schemas/normal-form.ts";
import type { Resources, Source, Vector } from "./resources.ts";

/** Hexadecimal digits of a hash: 64 bits tell apart any number of variants that one service ever sees. */
const HASH_DIGITS = 16;

const SITES: Readonly<Record<Site, Scale["site"]>> = {
  resid_pre: "resid_pre",
  z: "head",
  attn_out: "attn",
  mlp_act: "neuron",
  mlp_out: "mlp",
  resid_post: "resid_post",
};

/** What edits refer to. */
type Added = Pick<Resources, "vectors" | "sources">;

const NOTHING: Added = { vectors: [], sources: [] };

/**
 * The explicit list of steps of a variant, and its hash: equal hashes, equal computation. What is added is named by its
 * contents, never by where the request has it.
 */
export function normalForm({ name, steps }: Schedule, added: Added = NOTHING): Variant {
  const known = new Map<Step, WireStep>();
  const wire = steps.map((step) => {
    const form = known.get(step) ?? wireStep(step, added);
    known.set(step, form);
    return form;
  });
  return { name, steps: wire, hash: createHash("sha256").update(JSON.stringify(wire)).digest("hex").slice(0, HASH_DIGITS) };
}

function wireStep(step: Step, added: Added): WireStep {
  const scales = step.flatMap((use) => (use.edits ?? []).map((edit) => wireScale(use, edit, added)));
  // Half a block is never in a group: operations see to that.
  const component = step[0]?.component;
  return {
    blocks: step.map(({ block }) => block),
    ...(component === undefined ? {} : { component }),
    ...(scales.length === 0 ? {} : { scales }),
  };
}

function wireScale({ block }: BlockUse, { site, head, neurons, scale, add, positions }: Edit, added: Added): Scale {
  return {
    block,
    site: SITES[site],
    ...(head === undefined ? {} : { head }),
    ...(neurons === undefined ? {} : { neurons: [...neurons] }),
    scale,
    ...(add === undefined ? {} : { add: add.map((addend) => addition(addend, added)) }),
    ...(positions === undefined ? {} : { positions: [...positions] }),
  };
}

function addition({ from, index, times, perResidual }: Addend, { vectors, sources }: Added): Addition {
  const amount = { times, ...(perResidual ? { scale_by: "residual" as const } : {}) };
  if (from === "source") return { from: "source", hash: (sources[index] as Source).key, ...amount };
  const vector = vectors[index] as Vector;
  if (vector.kind === "values") return { from: "vector", hash: vector.key, ...amount };
  if (vector.kind === "mean") return { from: "mean", hash: vector.data.key, ...amount };
  return { from: "direction", toward: vector.toward, away: vector.away, ...amount };
}
