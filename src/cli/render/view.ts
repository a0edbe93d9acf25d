/** Where lines are drawn: how wide, and in which colours. */
import pc from "picocolors";

type Colours = ReturnType<typeof pc.createColors>;

export interface View {
  /** Columns that a line may take. */
  readonly width: number;
  readonly colours: Colours;
  /** Whether lines beyond the width would break: what is piped may be wider where cutting would lose something. */
  readonly bounded: boolean;
}

/** What is piped has no width of its own. */
const PIPED_COLUMNS = 100;
const LEAST_COLUMNS = 40;
const MOST_COLUMNS = 132;

/** A view of a terminal, or of what stands in for one: plain when piped, unless `--color` says otherwise. */
export function viewOf(stream: { readonly isTTY?: boolean; readonly columns?: number }, forced = false): View {
  const colour = forced || (stream.isTTY === true && pc.isColorSupported);
  return makeView(stream.columns || PIPED_COLUMNS, colour, stream.isTTY === true);
}

export function makeView(columns: number, colour: boolean, bounded = true): View {
  return { width: Math.max(LEAST_COLUMNS, Math.min(MOST_COLUMNS, columns)), colours: pc.createColors(colour), bounded };
}
