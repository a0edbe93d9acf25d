/** A check of the certificate: what it is called, where it runs, and how. */
import type { Finding } from "./finding.ts";
import type { Lab } from "./lab.ts";
import type { Prompts } from "./prompts.ts";

/** The table's parts, in its order. */
export const GROUPS = ["laws", "read-out", "batches", "reference", "settings"] as const;
export type Group = (typeof GROUPS)[number];

export interface CheckContext {
  readonly lab: Lab;
  readonly prompts: Prompts;
}

/** A check that cannot be made here, and why. */
export interface NotRun {
  readonly notRun: string;
}

export interface Check {
  readonly group: Group;
  readonly name: string;
  run(context: CheckContext): Promise<Finding | NotRun>;
}
