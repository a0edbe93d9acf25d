import type { z } from "@hono/zod-openapi";
import { fieldErrors } from "../../src/schemas/field-errors.ts";

/** What a value is refused with: "pointer: sentence" for each field. */
export function complaints(schema: z.ZodType, value: unknown): string[] {
  const result = schema.safeParse(value);
  return result.success ? [] : fieldErrors(result.error).map(({ pointer, detail }) => `${pointer}: ${detail}`);
}
