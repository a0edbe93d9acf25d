/** What came of each experiment of a report, a line each, as it ends. */
import type { Audience } from "../../report/gather/gather.ts";
import type { Outcome } from "../../report/results/outcome.ts";
import { left } from "../render/text.ts";
import type { View } from "../render/view.ts";
import type { Terminal } from "../terminal.ts";

const LABEL = 24;

export function audienceOn({ view, print }: Pick<Terminal, "view" | "print">): Audience {
  return {
    begins: (model) => print(view.colours.bold(model)),
    ended: ({ id }, outcome) => print(outcomeLine(id, outcome, view)),
  };
}

function outcomeLine(id: string, outcome: Outcome, view: View): string {
  const { green, yellow, red, dim } = view.colours;
  const name = left(id, LABEL);
  if (outcome.state === "completed") return ` ${green("✓")} ${name} ${dim(madeOf(outcome.result))}`;
  const mark = outcome.state === "refused" ? yellow("–") : red("✗");
  return ` ${mark} ${name} ${outcome.reason}`;
}

function madeOf({ data, tokens_per_text }: { data: { texts: number } | null; tokens_per_text: number | null }): string {
  if (!data) return "weights alone";
  return `${data.texts} texts${tokens_per_text === null ? "" : ` × ${tokens_per_text} tokens`}`;
}
