import type { Site } from "../engine/schedule.ts";
import type { OperationOf, Positions } from "../schemas/operations.ts";
import { type Context, spend } from "./context.ts";
import { bindEdits } from "./edits.ts";
import { checkRuns, namedBlocks } from "./named.ts";
import { partsOf } from "./parts.ts";
import { chosenPositions } from "./positions.ts";
import { refuse } from "./refusal.ts";
import type { State } from "./state.ts";

type Patch = OperationOf<"patch">;

const SITES: Readonly<Record<Patch["component"], Site>> = {
  resid_pre: "resid_pre",
  attn_out: "attn_out",
  mlp_out: "mlp_out",
  head: "z",
};

/** Puts in what another prompt's untouched run has at the same block, site and positions. */
export function applyPatch(state: State, operation: Patch, context: Context): State {
  const named = namedBlocks(operation.layers, state, context);
  const site = SITES[operation.component];
  for (const one of named) checkRuns(one, site, state);
  const parts = partsOf(operation, context);
  const chosen = chosenPositions(operation.positions, context);
  const source = context.resources.source(operation.source, `${context.pointer}/source`);
  checkInSource(chosen, source, operation.positions, context);
  spend(context, named.length * parts.length * (chosen?.length ?? 1));
  const map = context.resources.patched(source);
  const blocks = named.map(({ block }) => block);
  return { ...state, edits: bindEdits(state.edits, blocks, { site, parts, positions: chosen }, () => map) };
}

/** Refuses positions that the source has not: those `chosen`, or all of the prompt's, as they were `said`. */
export function checkInSource(
  chosen: readonly number[] | undefined,
  source: number,
  said: Positions,
  { tokenCount, resources, pointer }: Context,
): void {
  const length = resources.sources[source]?.tokens.length ?? 0;
  const last = chosen?.at(-1) ?? tokenCount - 1;
  if (last < length) return;
  const has = `the source has ${length} tokens, so positions 0 to ${length - 1}`;
  const i = said === "all" ? -1 : said.findIndex((position) => (position < 0 ? position + tokenCount : position) >= length);
  if (i < 0) refuse(`${pointer}/positions`, `"all" goes to position ${last}, which does not exist in the source: ${has}`);
  refuse(`${pointer}/positions/${i}`, `position ${said[i]} does not exist in the source: ${has}`);
}
