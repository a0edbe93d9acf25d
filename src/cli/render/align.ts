/** Two schedules side by side: which step of one stands beside which of the other. */
import type { Step } from "../../schemas/normal-form.ts";

/** A line of the table: a step of the baseline, of the variant, or of both. Steps count from 1; 0 is the embedding. */
export interface AlignedRow {
  readonly baseline: number | null;
  readonly variant: number | null;
}

/** Distances are kept as numbers in rows × rows; beyond this, steps stand side by side in order. */
const MOST_STEPS = 1000;

/** The alignment with the fewest differences; a changed place is one difference, as is a step too many. */
export function align(baseline: readonly Step[], variant: readonly Step[]): AlignedRow[] {
  const [n, m] = [baseline.length, variant.length];
  const rows: AlignedRow[] = [];
  if (n > MOST_STEPS || m > MOST_STEPS) {
    for (let i = 0; i < Math.max(n, m); i++) rows.push({ baseline: i < n ? i + 1 : null, variant: i < m ? i + 1 : null });
    return [{ baseline: 0, variant: 0 }, ...rows];
  }
  const keys = [baseline.map(blocksKey), variant.map(blocksKey)] as const;
  const differs = (i: number, j: number) => (keys[0][i] === keys[1][j] ? 0 : 1);
  // cost[i][j]: the least number of differences between what follows i and what follows j
  const cost = Array.from({ length: n + 1 }, () => new Array<number>(m + 1).fill(0));
  const at = (i: number, j: number) => cost[i]?.[j] ?? Number.POSITIVE_INFINITY;
  for (let i = n; i >= 0; i--)
    for (let j = m; j >= 0; j--) {
      const row = cost[i];
      if (!row || (i === n && j === m)) continue;
      const both = i < n && j < m ? differs(i, j) + at(i + 1, j + 1) : Number.POSITIVE_INFINITY;
      row[j] = Math.min(both, 1 + at(i + 1, j), 1 + at(i, j + 1));
    }
  for (let i = 0, j = 0; i < n || j < m; ) {
    const here = at(i, j);
    if (i < n && j < m && here === differs(i, j) + at(i + 1, j + 1)) rows.push({ baseline: ++i, variant: ++j });
    else if (i < n && here === 1 + at(i + 1, j)) rows.push({ baseline: ++i, variant: null });
    else rows.push({ baseline: null, variant: ++j });
  }
  return [{ baseline: 0, variant: 0 }, ...rows];
}

function blocksKey(step: Step): string {
  return step.blocks.join("+");
}

/** A step as a row's label: "5", "4+5+6", "5 attn" for a half, "5*" where something is scaled. */
export function stepLabel(step: Step | undefined): string {
  if (!step) return "embed";
  return `${step.blocks.join("+")}${step.component ? ` ${step.component}` : ""}${step.scales ? "*" : ""}`;
}
