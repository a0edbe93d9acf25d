/**
 * What speaks for and against the boundaries between four stages (arXiv 2406.19384, table 1): the signature of each stage,
 * measured on both sides. Ours: the paper reads its signatures off curves.
 */

/** The value of every layer. */
export type Curve = readonly number[];

export interface Evidence {
  /** Whose signature it is: 1 detokenization, 2 feature engineering, 3 prediction ensembling, 4 residual sharpening. */
  readonly stage: 1 | 2 | 3 | 4;
  readonly signature: string;
  /** What was measured, and how. */
  readonly signal: string;
  readonly measure: string;
  /** In the part before the boundary, and in the part after it. */
  readonly before: number;
  readonly after: number;
  /** `neither`: both sides are equal, or there is nothing of the kind in either. */
  readonly speaks: "for" | "against" | "neither";
}

/** A part of the depth: layers first … last. */
interface Part {
  readonly first: number;
  readonly last: number;
}

/**
 * Beside each of three boundaries, the signatures of the stages that it parts. `after`: the last layer before each
 * boundary; `curves`: by signal; one that is not there says nothing.
 */
export function evidenceOf(after: readonly number[], curves: ReadonlyMap<string, Curve>, layers: number): Evidence[][] {
  const starts = [0, ...after.map((layer) => layer + 1)];
  const ends = [...after, layers - 1];
  const [one, two, three, four] = starts.map((first, i) => ({ first, last: ends[i] as number })) as [Part, Part, Part, Part];
  const on = (signal: string, look: (curve: Curve) => Evidence): Evidence[] => {
    const curve = curves.get(signal);
    return curve ? [look(curve)] : [];
  };
  const higherBefore = (stage: 1 | 2, signature: string, signal: string, a: Part, b: Part) =>
    on(signal, (curve) => compared({ stage, signature, signal, measure: "mean" }, meanOf(curve, a), meanOf(curve, b), "before"));
  return [
    [
      ...higherBefore(1, "sensitivity to deletion", "deletion_kl_nats", one, two),
      ...higherBefore(1, "local attention", "attention_per_cell", one, two),
    ],
    [
      ...higherBefore(2, "attention writes more, next to the MLPs", "attn_mlp_ratio", two, three),
      ...on("lens_kl_nats", (curve) => {
        const as = { stage: 2, signature: "flat lens, then falling", signal: "lens_kl_nats", measure: "fall_per_layer" } as const;
        return compared(as, fallOf(curve, two), fallOf(curve, three), "after");
      }),
      ...on("prediction_share", (curve) => {
        const as = { stage: 3, signature: "prediction neurons", signal: "prediction_share", measure: "mean" } as const;
        return compared(as, meanOf(curve, two), meanOf(curve, three), "after");
      }),
    ],
    [
      ...suppression(curves, three, four),
      ...on("mlp_out_norm", (curve) => {
        const as = { stage: 4, signature: "MLP norm peak", signal: "mlp_out_norm", measure: "peak" } as const;
        return compared(as, peakOf(curve, three), peakOf(curve, four), "after");
      }),
      ...on("lens_entropy_bits", (curve) => {
        const as = { stage: 4, signal: "lens_entropy_bits", measure: "last_layer" } as const;
        const [entry, end] = [curve[three.last] as number, curve[four.last] as number];
        return compared({ ...as, signature: "sharpening: entropy falls (first version of the paper)" }, entry, end, "before");
      }),
      ...on("lens_entropy_bits", (curve) => {
        const as = { stage: 4, signal: "lens_entropy_bits", measure: "last_layer" } as const;
        const [entry, end] = [curve[three.last] as number, curve[four.last] as number];
        return compared({ ...as, signature: "calibration: entropy rises (later versions)" }, entry, end, "after");
      }),
    ],
  ];
}

/** Suppression neurons less prediction neurons: more of them after than before, and more than of the others. */
function suppression(curves: ReadonlyMap<string, Curve>, before: Part, after: Part): Evidence[] {
  const [against, towards] = [curves.get("suppression_share"), curves.get("prediction_share")];
  if (!against || !towards) return [];
  const difference = against.map((share, layer) => share - (towards[layer] as number));
  const as = { stage: 4, signature: "suppression over prediction neurons", measure: "mean" } as const;
  const evidence = compared(
    { ...as, signal: "suppression_share − prediction_share" },
    meanOf(difference, before),
    meanOf(difference, after),
    "after",
  );
  const none = [against, towards].every((curve) => meanOf(curve, { first: before.first, last: after.last }) === 0);
  if (none) return [{ ...evidence, speaks: "neither" }];
  return [evidence.speaks === "for" && evidence.after <= 0 ? { ...evidence, speaks: "against" } : evidence];
}

/** `higher`: the side that the signature says is higher. */
function compared(
  as: Pick<Evidence, "stage" | "signature" | "signal" | "measure">,
  before: number,
  after: number,
  higher: "before" | "after",
): Evidence {
  const speaks = before === after ? "neither" : before > after === (higher === "before") ? "for" : "against";
  return { ...as, before, after, speaks };
}

function valuesOf(curve: Curve, { first, last }: Part): number[] {
  return curve.slice(first, last + 1);
}

function meanOf(curve: Curve, part: Part): number {
  const values = valuesOf(curve, part);
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function peakOf(curve: Curve, part: Part): number {
  return Math.max(...valuesOf(curve, part));
}

/** Per layer, from the layer before the part to its last. */
function fallOf(curve: Curve, { first, last }: Part): number {
  return ((curve[first - 1] as number) - (curve[last] as number)) / (last - first + 1);
}
