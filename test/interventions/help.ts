import type { Schedule, Step } from "../../src/engine/schedule.ts";
import { type CompiledVariants, compileVariants } from "../../src/interventions/compile.ts";
import { normalForm } from "../../src/interventions/normal-form.ts";
import type { Words } from "../../src/interventions/resources.ts";
import { Problem, type ProblemData } from "../../src/problem.ts";
import { explain, fieldErrors } from "../../src/schemas/field-errors.ts";
import { type Operation, Operations } from "../../src/schemas/operations.ts";

export const model = { id: "prose-6m", nLayers: 6, nHeads: 4, dModel: 8, dMlp: 10 };
export const TOKENS = 8;

/** An operation as a client writes it. */
export type Written = { readonly op: string; readonly [field: string]: unknown };

/** Operations as they come through the schema, defaults filled in. */
export function parsed(written: readonly Written[]): Operation[] {
  const result = Operations.safeParse(written);
  if (!result.success) throw new Error(explain(fieldErrors(result.error)));
  return result.data;
}

/** Texts are cut to one token a character, whose id is its code; all means are called alike. */
export const words: Words = {
  token: (name) => (typeof name === "number" ? name : name.charCodeAt(0)),
  source: ({ prompt = "", tokens }) => tokens ?? Array.from(prompt, (character) => character.charCodeAt(0)),
  mean: ({ dataset }) => ({ key: dataset ?? "given" }),
};

export function compiled(...written: Written[]): CompiledVariants {
  return compileVariants({ interventions: parsed(written), baseline: false }, model, TOKENS, words);
}

export function schedule(...written: Written[]): Schedule {
  return compiled(...written).schedules[0] as Schedule;
}

/** Steps as text: "0 1 [2 3] 4.attn". */
export function places(...written: Written[]): string {
  return schedule(...written)
    .steps.map(spelled)
    .join(" ");
}

function spelled(step: Step): string {
  const blocks = step.map(({ block, component }) => (component ? `${block}.${component}` : `${block}`));
  return blocks.length === 1 ? `${blocks[0]}` : `[${blocks.join(" ")}]`;
}

export function hash(...written: Written[]): string {
  const { schedules, resources } = compiled(...written);
  return normalForm(schedules[0] as Schedule, resources).hash;
}

/** What a list of operations is refused with. */
export function refusal(...written: Written[]): ProblemData {
  return refused(() => schedule(...written));
}

export function refused(run: () => unknown): ProblemData {
  try {
    run();
  } catch (error) {
    if (error instanceof Problem) return error.data;
    throw error;
  }
  throw new Error("it was not refused");
}
