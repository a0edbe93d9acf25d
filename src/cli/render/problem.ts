/** A refusal of the service, as lines for standard error. */
import type { ProblemDocument } from "../../schemas/problem.ts";
import type { View } from "./view.ts";

/** The reason, then one line per invalid field that says more than it. */
export function problemLines(problem: Partial<ProblemDocument>, view: View): string[] {
  const { red, dim } = view.colours;
  const title = problem.status ? `${problem.title ?? "Error"} (${problem.status})` : (problem.title ?? "Error");
  const lines = [`${red(title)}: ${problem.detail ?? "no reason was given."}`];
  for (const { pointer, detail } of problem.errors ?? [])
    if (detail !== problem.detail) lines.push(`  ${dim(pointer)} ${detail}`);
  return lines;
}
