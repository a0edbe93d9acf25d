import type { Site } from "../engine/schedule.ts";
import type { OperationOf } from "../schemas/operations.ts";
import type { Affine } from "./affine.ts";
import { type Context, spend } from "./context.ts";
import { bindEdits } from "./edits.ts";
import { checkRuns, namedBlocks } from "./named.ts";
import { partsOf } from "./parts.ts";
import { chosenPositions } from "./positions.ts";
import type { State } from "./state.ts";

type Ablate = OperationOf<"ablate">;

const SITES: Readonly<Record<Ablate["component"], Site>> = {
  attn: "attn_out",
  mlp: "mlp_out",
  head: "z",
  neuron: "mlp_act",
};

/** Scales what a component adds, or puts its mean there, wherever its block stands and every time. */
export function applyAblate(state: State, operation: Ablate, context: Context): State {
  const named = namedBlocks(operation.layers, state, context);
  const site = SITES[operation.component];
  for (const one of named) checkRuns(one, site, state);
  const parts = partsOf(operation, context);
  const positions = chosenPositions(operation.positions, context);
  spend(context, named.length * parts.length * (positions?.length ?? 1));
  const blocks = named.map(({ block }) => block);
  return { ...state, edits: bindEdits(state.edits, blocks, { site, parts, positions }, mapOf(operation.with, site, context)) };
}

function mapOf(how: Ablate["with"], site: Site, { resources, pointer }: Context): (block: number) => Affine {
  if (how === "zero") return () => ({ scale: 0, add: [] });
  const { mean, scale = 1 } = how;
  if (!mean) return () => ({ scale, add: [] });
  return (block) => resources.mean(mean, block, site, `${pointer}/with/mean`);
}
