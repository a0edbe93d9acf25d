import { createHash } from "node:crypto";
import type { BlockUse, Edit, Schedule, Site, Step } from "../engine/schedule.ts";
import type { Scale, Variant, Step as WireStep } from "../schemas/events.ts";

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

/** The explicit list of steps of a variant, and its hash: equal hashes, equal computation. */
export function normalForm({ name, steps }: Schedule): Variant {
  const wire = steps.map(wireStep);
  return { name, steps: wire, hash: createHash("sha256").update(JSON.stringify(wire)).digest("hex").slice(0, HASH_DIGITS) };
}

function wireStep(step: Step): WireStep {
  const scales = step.flatMap((use) => (use.edits ?? []).map((edit) => wireScale(use, edit)));
  // Half a block is never in a group: operations see to that.
  const component = step[0]?.component;
  return {
    blocks: step.map(({ block }) => block),
    ...(component === undefined ? {} : { component }),
    ...(scales.length === 0 ? {} : { scales }),
  };
}

function wireScale({ block }: BlockUse, { site, head, scale, positions }: Edit): Scale {
  return {
    block,
    site: SITES[site],
    ...(head === undefined ? {} : { head }),
    scale,
    ...(positions === undefined ? {} : { positions: [...positions] }),
  };
}
