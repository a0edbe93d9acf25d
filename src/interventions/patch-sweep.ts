/** A patch of every cell: one variant per layer and position, or per layer and head. */
import { MAX_VARIANTS } from "../schemas/limits.ts";
import type { Operation } from "../schemas/operations.ts";
import type { PatchSweep } from "../schemas/run-request.ts";
import type { NamedOperations } from "./compile.ts";
import type { Context } from "./context.ts";
import { listLayers } from "./named.ts";
import { partsOf } from "./parts.ts";
import { checkInSource } from "./patch.ts";
import { chosenPositions } from "./positions.ts";
import { refuse } from "./refusal.ts";

/** The variants of a sweep, by layer and then by position or head. What cannot be patched is refused, with the reason. */
export function patchCells(sweep: PatchSweep, context: Context): NamedOperations[] {
  const { model, tokenCount, pointer } = context;
  const { component, source } = sweep;
  const layers = listLayers(sweep.layers ?? { from: 0, to: model.nLayers - 1 }, `${pointer}/layers`, model);
  const positions = chosenPositions(sweep.positions, context);
  checkInSource(positions, context.resources.source(source, `${pointer}/source`), sweep.positions, context);
  const everyHead = component === "head" ? Array.from({ length: model.nHeads }, (_, head) => head) : undefined;
  const heads = partsOf({ component, heads: sweep.heads ?? everyHead }, context);
  const places = positions ?? Array.from({ length: tokenCount }, (_, position) => position);
  const count = layers.length * (component === "head" ? heads.length : places.length);
  if (count > MAX_VARIANTS) {
    const by = component === "head" ? `${heads.length} heads` : `${places.length} positions`;
    refuse(
      pointer,
      `a sweep of ${count} variants (${layers.length} layers × ${by}) is more than the most allowed, ${MAX_VARIANTS}`,
    );
  }
  const patch = (layer: number, cell: number, more: Partial<Operation>): NamedOperations => ({
    name: `patch.${layer}.${cell}`,
    operations: [{ op: "patch", component, layers: [layer], positions: sweep.positions, source, ...more } as Operation],
    pointer,
  });
  return layers.flatMap(({ block }) =>
    component === "head"
      ? heads.map((head) => patch(block, head as number, { heads: [head as number] }))
      : places.map((position) => patch(block, position, { positions: [position] })),
  );
}
