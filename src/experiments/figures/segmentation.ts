/** The segmentation of a `stages` result, read from its summary, which is a record of anything. */

export interface Boundary {
  /** The last layer before it. */
  readonly after: number;
  /** The bootstrap interval of that. null: none. */
  readonly low: number | null;
  readonly high: number | null;
}

export interface Segmentation {
  readonly supported: boolean;
  readonly p_value: number | null;
  /** Share of the variance, 0 to 1. */
  readonly explained: number | null;
  readonly boundaries: readonly Boundary[];
}

/** null where the summary has none. */
export function segmentationOf(summary: Readonly<Record<string, unknown>>): Segmentation | null {
  const { segmentation } = summary;
  if (!isRecord(segmentation)) return null;
  const boundaries = Array.isArray(segmentation.boundaries) ? segmentation.boundaries.filter(isRecord) : [];
  return {
    supported: segmentation.supported === true,
    p_value: finite(segmentation.p_value),
    explained: finite(segmentation.explained),
    boundaries: boundaries.flatMap(({ after_layer, low, high }) => {
      const after = finite(after_layer);
      return after === null ? [] : [{ after, low: finite(low), high: finite(high) }];
    }),
  };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function finite(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}
