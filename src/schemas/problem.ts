import { z } from "@hono/zod-openapi";
import type { ProblemCode } from "../problem.ts";

// A record, so that the compiler finds a code that is missing here.
const CODES: Readonly<Record<ProblemCode, true>> = {
  invalid_request: true,
  invalid_intervention: true,
  not_found: true,
  model_not_found: true,
  model_invalid: true,
  model_busy: true,
  model_too_large: true,
  download_refused: true,
  download_failed: true,
  unauthorized: true,
  not_acceptable: true,
  unsupported_media_type: true,
  body_too_large: true,
  run_too_large: true,
  queue_full: true,
  conflict: true,
  draining: true,
  engine_failed: true,
  cancelled: true,
  timed_out: true,
  store_unavailable: true,
  not_a_number: true,
  internal: true,
};

/** Every code a problem can have. */
export const PROBLEM_CODES = Object.keys(CODES) as [ProblemCode, ...ProblemCode[]];

export const FieldErrorItem = z
  .object({ pointer: z.string().describe("JSON pointer into the body, or a parameter's name."), detail: z.string() })
  .openapi("FieldError");

/** An error as RFC 9457 has it, `application/problem+json`. */
export const Problem = z
  .object({
    type: z.string().describe("A stable URI reference."),
    title: z.string(),
    status: z.int(),
    detail: z.string().describe("Written for a person: the value seen and the bound."),
    code: z.enum(PROBLEM_CODES),
    errors: z.array(FieldErrorItem).optional(),
    request_id: z.string().optional(),
  })
  .openapi("Problem", { description: "RFC 9457." });

export type ProblemDocument = z.infer<typeof Problem>;
