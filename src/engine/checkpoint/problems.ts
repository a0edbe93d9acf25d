import { Problem } from "../../problem.ts";

/** Enough to mend a checkpoint by; a text that lists a broken file's every tensor helps nobody. */
export const MAX_LISTED_PROBLEMS = 100;

/** Longest piece of a file's own text that a message repeats, in characters. */
const MAX_QUOTED = 80;

/** A value of a file, as it may stand in a message: JSON, cut short. Never recursive beyond the first level. */
export function quote(value: unknown): string {
  if (Array.isArray(value)) {
    const items = value.slice(0, 9).map((item) => (typeof item === "object" && item !== null ? "…" : quote(item)));
    return cut(`[${items.join(", ")}${value.length > 9 ? ", …" : ""}]`);
  }
  if (typeof value === "object" && value !== null) return cut(`an object with ${counted(Object.keys(value).length, "field")}`);
  return cut(typeof value === "string" ? JSON.stringify(value.slice(0, MAX_QUOTED + 1)) : String(value));
}

/** "1 tensor", "2 tensors". */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** The first problems, and how many more there are. */
export function listed(problems: readonly string[]): string[] {
  if (problems.length <= MAX_LISTED_PROBLEMS) return [...problems];
  return [...problems.slice(0, MAX_LISTED_PROBLEMS), `and ${problems.length - MAX_LISTED_PROBLEMS} more`];
}

/** The `model_invalid` problem of a checkpoint: its name, and everything that is wrong with it. */
export function invalid(name: string, problems: readonly string[]): Problem {
  return new Problem("model_invalid", `The model ${name} cannot be used. ${listed(problems).join("; ")}.`);
}

function cut(text: string): string {
  return text.length <= MAX_QUOTED ? text : `${text.slice(0, MAX_QUOTED)}…`;
}
