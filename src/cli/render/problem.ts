/** A refusal of the service, as lines for standard error. */
import { explain } from "../../schemas/field-errors.ts";
import type { ProblemDocument } from "../../schemas/problem.ts";
import { type FieldFlags, flagOf, spoken } from "../said.ts";
import type { View } from "./view.ts";

/**
 * The reason; where it is of fields, one line each, or the same line of one alone, said of the flags that `fields` has for
 * them.
 */
export function problemLines(problem: Partial<ProblemDocument>, view: View, fields: FieldFlags = []): string[] {
  const { red, bold } = view.colours;
  const { detail = "no reason was given.", errors = [] } = problem;
  const title = red(problem.status ? `${problem.title ?? "Error"} (${problem.status})` : (problem.title ?? "Error"));
  const lines = errors.map((error) => `${bold(flagOf(error.pointer, fields))}: ${spoken(error.detail)}`);
  // The detail of fields is their sentences again.
  const says = [explain(errors), `${explain(errors)}.`, ...errors.slice(0, 1).map((error) => error.detail)];
  if (lines.length === 1 && says.includes(detail)) return [`${title}: ${lines[0]}`];
  const indented = lines.map((line) => `  ${line}`);
  return says.includes(detail) && lines.length > 0 ? [`${title}:`, ...indented] : [`${title}: ${spoken(detail)}`, ...indented];
}
