/** One line a figure: what was measured, against what, and whether the bar is met. */
export interface Figure {
  readonly name: string;
  /** In the unit that `bar` is in. */
  readonly value: number;
  /** null: the figure is reported, and nothing is asked of it. */
  readonly bar: number | null;
  /** Whether more is better. */
  readonly atLeast?: boolean;
  readonly unit: string;
  readonly detail: string;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] as number;
}

export function print({ name, value, bar, atLeast, unit, detail }: Figure): void {
  const shown = value >= 100 ? value.toFixed(0) : value.toFixed(2);
  const asked = bar === null ? "" : `${atLeast ? "≥" : "≤"} ${bar} ${unit}`;
  const verdict = bar === null ? "reported" : (atLeast ? value >= bar : value <= bar) ? "met" : "missed";
  console.log(`| ${name} | ${asked} | **${shown} ${unit}** | ${verdict} | ${detail} |`);
}
