/** The heads and neurons that an operation names. */
import type { Context } from "./context.ts";
import { range, refuse } from "./refusal.ts";

/** Fields of an operation that say which parts of a component it means. */
interface PartsRequest {
  readonly component: string;
  readonly heads?: readonly number[] | undefined;
  readonly neurons?: readonly number[] | undefined;
}

/** Heads with component head, neurons with component neuron, and else the whole: `undefined`. Others are refused. */
export function partsOf(request: PartsRequest, context: Context): readonly (number | undefined)[] {
  const heads = named("head", request.heads, context.model.nHeads, request.component, context);
  const neurons = named("neuron", request.neurons, context.model.dMlp, request.component, context);
  return heads ?? neurons ?? [undefined];
}

function named(
  kind: "head" | "neuron",
  parts: readonly number[] | undefined,
  count: number,
  component: string,
  { model, pointer }: Context,
): readonly number[] | undefined {
  const at = `${pointer}/${kind}s`;
  if (component !== kind) {
    if (parts) refuse(at, `${kind}s go with component "${kind}" only, not with "${component}"`);
    return undefined;
  }
  const there = `${model.id} has ${kind}s ${range(count - 1)}`;
  if (!parts) refuse(at, `${kind}s are required with component "${kind}": ${there}`);
  const seen = new Set<number>();
  for (const [i, part] of parts.entries()) {
    if (part >= count) refuse(`${at}/${i}`, `${kind} ${part} is out of range: ${there}`);
    if (seen.has(part)) refuse(`${at}/${i}`, `${kind} ${part} is named twice`);
    seen.add(part);
  }
  return parts;
}
