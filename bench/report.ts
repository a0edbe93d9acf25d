/** One line a figure: what was measured, against what, and whether the bar is met. */
export interface Figure {
  readonly name: string;
  /** In the unit that `bar` is in. */
  readonly value: number;
  readonly bar: number;
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
  const met = atLeast ? value >= bar : value <= bar;
  const shown = value >= 100 ? value.toFixed(0) : value.toFixed(2);
  console.log(
    `| ${name} | ${atLeast ? "≥" : "≤"} ${bar} ${unit} | **${shown} ${unit}** | ${met ? "met" : "missed"} | ${detail} |`,
  );
}
