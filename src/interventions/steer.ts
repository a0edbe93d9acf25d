import type { OperationOf } from "../schemas/operations.ts";
import type { Affine, Term } from "./affine.ts";
import { type Context, spend } from "./context.ts";
import { bindEdits } from "./edits.ts";
import { namedBlock } from "./named.ts";
import { chosenPositions } from "./positions.ts";
import { refuse } from "./refusal.ts";
import type { State } from "./state.ts";

type Steer = OperationOf<"steer">;

/** Adds a vector to what a block leaves, wherever it stands and every time. */
export function applySteer(state: State, operation: Steer, context: Context): State {
  const { block } = namedBlock(operation.layer, "layer", state, context);
  const positions = chosenPositions(operation.positions, context);
  spend(context, positions?.length ?? 1);
  const { times, ...term } = addedBy(operation, context);
  const added: Term = {
    ...term,
    times: times * operation.scale,
    ...(operation.scale_by === "residual" ? { perResidual: true } : {}),
  };
  const map: Affine = { scale: 1, add: added.times === 0 ? [] : [added] };
  const edits = bindEdits(state.edits, [block], { site: "resid_post", parts: [undefined], positions }, () => map);
  return { ...state, edits };
}

function addedBy({ vector, toward, away, scale_by }: Steer, { model, resources, pointer }: Context): Term {
  if (vector === undefined) return resources.direction(toward, away, pointer);
  const at = `${pointer}/vector`;
  if (vector.length !== model.dModel)
    refuse(at, `a vector of ${vector.length} numbers is not of the width of ${model.id}, ${model.dModel}`);
  const term = resources.values(vector);
  if (scale_by === "unit") return term;
  const norm = Math.hypot(...vector);
  if (norm === 0) refuse(at, 'a vector of length 0 has no direction, so scale_by cannot be "residual"');
  return { ...term, times: 1 / norm };
}
