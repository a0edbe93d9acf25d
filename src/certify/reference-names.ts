/** Which tensor of a reference is what: names as `docs/certify.md` lists them. */
import type { ModelSpec } from "../engine/model-spec.ts";
import type { Operation } from "../schemas/operations.ts";
import { range } from "./lab.ts";

/** What is compared with a tensor. `block` null: all blocks, one after the other. */
export type Quantity =
  /** Logits at the end of the untouched model, or under operations. */
  | { readonly kind: "logits"; readonly operations: readonly Operation[] }
  | { readonly kind: "resid_pre"; readonly block: number | null }
  | { readonly kind: "resid_final" }
  | { readonly kind: "attn_out" | "mlp_out" | "mlp_act" | "pattern"; readonly block: number }
  | { readonly kind: "attn_norm" | "mlp_norm" };

interface Named {
  readonly pattern: RegExp;
  /** `n`: the numbers of the name. */
  readonly meaning: (n: readonly number[], name: string) => Quantity;
}

const EVERYWHERE = "all" as const;
const under = (...operations: Operation[]): Quantity => ({ kind: "logits", operations });
const ablate = (component: "attn" | "mlp", layer: number, scale: number): Quantity =>
  under({ op: "ablate", component, layers: [layer], with: { scale }, positions: EVERYWHERE });
const span = (from: number, to: number) => range(Math.max(0, to - from + 1)).map((i) => from + i);

/** The name of steering's vector, which is an input. */
export const STEER_VECTOR = "steer.vector";

/** What a name means for a model; null: nothing that is known here. `vector`: reads `steer.vector`. */
export function quantityOf(
  name: string,
  { nLayers }: Pick<ModelSpec, "nLayers">,
  vector: () => readonly number[],
): Quantity | null {
  const named: readonly Named[] = [
    { pattern: /^logits$/, meaning: () => under() },
    { pattern: /^resid_pre$/, meaning: () => ({ kind: "resid_pre", block: null }) },
    { pattern: /^resid_pre\.(\d{1,4})$/, meaning: ([block = 0]) => ({ kind: "resid_pre", block }) },
    { pattern: /^resid_final$/, meaning: () => ({ kind: "resid_final" }) },
    {
      pattern: /^(?:attn_out|mlp_out|mlp_act|pattern)\.(\d{1,4})$/,
      meaning: ([block = 0], full) => ({ kind: full.split(".")[0] as "attn_out", block }),
    },
    { pattern: /^(?:attn|mlp)_norm$/, meaning: (_, full) => ({ kind: full as "attn_norm" }) },
    { pattern: /^delete\.(\d{1,4})$/, meaning: ([i = 0]) => under({ op: "delete", layers: [i] }) },
    { pattern: /^delete\.all$/, meaning: () => under({ op: "delete", layers: range(nLayers) }) },
    { pattern: /^swap\.(\d{1,4})$/, meaning: ([i = 0]) => under({ op: "swap", layers: [i, i + 1] }) },
    { pattern: /^reverse\.middle$/, meaning: () => under({ op: "reverse", layers: span(1, nLayers - 2) }) },
    {
      pattern: /^repeat\.(\d{1,4})-(\d{1,4})\.twice_in_place$/,
      meaning: ([from = 0, to = 0]) => under({ op: "repeat", layers: span(from, to), times: 2, mode: "each" }),
    },
    {
      pattern: /^parallel\.(\d{1,4})-(\d{1,4})$/,
      meaning: ([from = 0, to = 0]) => under({ op: "parallel", layers: span(from, to), times: 1 }),
    },
    { pattern: /^exit\.(\d{1,4})$/, meaning: ([after = 0]) => under({ op: "exit", after }) },
    { pattern: /^attn_zero\.(\d{1,4})$/, meaning: ([i = 0]) => ablate("attn", i, 0) },
    { pattern: /^mlp_zero\.(\d{1,4})$/, meaning: ([i = 0]) => ablate("mlp", i, 0) },
    { pattern: /^mlp_half\.(\d{1,4})$/, meaning: ([i = 0]) => ablate("mlp", i, 0.5) },
    {
      pattern: /^head_zero\.(\d{1,4})\.(\d{1,6})$/,
      meaning: ([i = 0, head = 0]) =>
        under({ op: "ablate", component: "head", layers: [i], heads: [head], with: "zero", positions: EVERYWHERE }),
    },
    {
      pattern: /^neuron_zero\.(\d{1,4})\.(\d{1,6})$/,
      meaning: ([i = 0, neuron = 0]) =>
        under({ op: "ablate", component: "neuron", layers: [i], neurons: [neuron], with: "zero", positions: EVERYWHERE }),
    },
    {
      pattern: /^steer\.(\d{1,4})$/,
      meaning: ([layer = 0]) =>
        under({ op: "steer", layer, vector: [...vector()], scale: 1, scale_by: "unit", positions: EVERYWHERE }),
    },
    {
      pattern: /^sublayers\.[sf]\d{1,4}(?:_[sf]\d{1,4})*$/,
      meaning: (_, full) =>
        under({
          op: "sublayers",
          steps: (full.split(".")[1] as string)
            .split("_")
            .map((step) => ({ layer: Number(step.slice(1)), component: step.startsWith("s") ? "attn" : "mlp" })),
        }),
    },
  ];
  for (const { pattern, meaning } of named) {
    const match = pattern.exec(name);
    if (match) return meaning(match.slice(1).map(Number), name);
  }
  return null;
}

/** What the table calls a tensor: its name without numbers. */
export function kindOf(name: string): string {
  return name.replace(/^\d+\./, "").replace(/\.(?:\d|[sf]\d).*$/, "");
}
