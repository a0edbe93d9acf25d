import { Problem } from "../problem.ts";

/** Refuses an operation: the sentence, and where in the request the reason stands. */
export function refuse(pointer: string, detail: string): never {
  throw new Problem("invalid_intervention", detail, [{ pointer, detail }]);
}

/** "0 to 11", or "only 0". */
export function range(last: number): string {
  return last === 0 ? "only 0" : `0 to ${last}`;
}
