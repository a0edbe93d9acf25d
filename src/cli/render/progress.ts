/** A bar for work whose size is known. */
import { bar, left } from "./text.ts";
import type { View } from "./view.ts";

/** `done` of `total`, on one line. */
export function progressLine(done: number, total: number, view: View): string {
  const { cyan, dim } = view.colours;
  const width = Math.max(10, Math.min(40, view.width - 24));
  const drawn = left(bar(total > 0 ? done / total : 0, width), width);
  return ` ${cyan(drawn)} ${dim(`${done} of ${total} steps`)}`;
}
