import type { Site } from "../engine/schedule.ts";
import type { OperationOf } from "../schemas/operations.ts";
import { type Context, MAX_SCALES } from "./context.ts";
import { type Named, namedBlocks } from "./named.ts";
import { resolvePositions } from "./positions.ts";
import { range, refuse } from "./refusal.ts";
import { bindScale, componentOf } from "./scales.ts";
import { type State, standAt } from "./state.ts";

type Ablate = OperationOf<"ablate">;

const SITES: Readonly<Record<Ablate["component"], Site>> = { attn: "attn_out", mlp: "mlp_out", head: "z" };

/** Scales what a component adds, wherever its block stands and every time. Scales compose. */
export function applyAblate(state: State, operation: Ablate, context: Context): State {
  const named = namedBlocks(operation.layers, state, context);
  const site = SITES[operation.component];
  for (const one of named) checkRuns(one, site, state);
  const heads = headsOf(operation, context);
  const positions =
    operation.positions === "all"
      ? undefined
      : resolvePositions(operation.positions, context.tokenCount, `${context.pointer}/positions`);
  context.budget.scales -= named.length * heads.length * (positions?.length ?? 1);
  if (context.budget.scales < 0) {
    refuse(
      context.pointer,
      `the request scales more than the most allowed, ${MAX_SCALES} places (layers × heads × positions) in all`,
    );
  }
  const scale = operation.with === "zero" ? 0 : operation.with.scale;
  const blocks = named.map(({ block }) => block);
  return { ...state, scales: bindScale(state.scales, blocks, { site, heads, scale, positions }) };
}

function headsOf({ component, heads }: Ablate, { model, pointer }: Context): readonly (number | undefined)[] {
  const at = `${pointer}/heads`;
  if (component !== "head") {
    if (heads) refuse(at, `heads go with component "head" only, not with "${component}"`);
    return [undefined];
  }
  if (!heads) refuse(at, `heads are required with component "head": ${model.id} has heads ${range(model.nHeads - 1)}`);
  for (const [i, head] of heads.entries()) {
    if (head >= model.nHeads)
      refuse(`${at}/${i}`, `head ${head} is out of range: ${model.id} has heads ${range(model.nHeads - 1)}`);
    if (heads.indexOf(head) < i) refuse(`${at}/${i}`, `head ${head} is named twice`);
  }
  return heads;
}

/** Refuses a component that runs nowhere: to scale it would change nothing. */
function checkRuns({ block, pointer, slots }: Named, site: Site, state: State): void {
  const half = componentOf(site);
  const runs = slots.some((slot) => (standAt(state.places, slot).component ?? half) === half);
  if (!runs) refuse(pointer, `the ${half} of layer ${block} does not run any more: an earlier operation left it out`);
}
