/** Affine maps of a site's values, and how they compose. */

/** What is added `times`: a vector, or the value that a source prompt has there. */
export interface Term {
  /** Names what is added by its contents: equal keys, equal values. */
  readonly key: string;
  readonly from: "vector" | "source";
  /** Where it lies among the request's vectors or sources. */
  readonly index: number;
  /** `times` counts mean norms of the untouched residual stream. */
  readonly perResidual?: true;
  readonly times: number;
}

/** out ← scale · out + Σ times · term; terms in the order of their keys, none of them 0 times. */
export interface Affine {
  readonly scale: number;
  readonly add: readonly Term[];
}

export const IDENTITY: Affine = { scale: 1, add: [] };

/** (s₁, a₁) and then (s₂, a₂): (s₂ s₁, s₂ a₁ + a₂). */
export function compose(first: Affine, then: Affine): Affine {
  const terms = new Map<string, Term>();
  for (const [{ add }, factor] of [[first, then.scale] as const, [then, 1] as const]) {
    for (const term of add) {
      const name = nameOf(term);
      terms.set(name, { ...term, times: positive((terms.get(name)?.times ?? 0) + factor * term.times) });
    }
  }
  const add = [...terms].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, term]) => (term.times === 0 ? [] : [term]));
  return { scale: positive(first.scale * then.scale), add };
}

const keys = new WeakMap<Affine, string>();

/** Equal keys, equal maps. */
export function affineKey(map: Affine): string {
  let key = keys.get(map);
  if (key === undefined) {
    key = JSON.stringify([map.scale, ...map.add.map((term) => [nameOf(term), term.times])]);
    keys.set(map, key);
  }
  return key;
}

export function isIdentity({ scale, add }: Affine): boolean {
  return scale === 1 && add.length === 0;
}

function nameOf({ key, perResidual }: Term): string {
  return perResidual ? `${key} residual` : key;
}

/** −0 is 0. */
function positive(value: number): number {
  return value === 0 ? 0 : value;
}
