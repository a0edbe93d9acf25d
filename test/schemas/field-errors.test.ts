import { z } from "@hono/zod-openapi";
import { describe, expect, it } from "vitest";
import { explain, fieldErrors, jsonPointer } from "../../src/schemas/field-errors.ts";
import { complaints } from "./help.ts";

describe("fieldErrors", () => {
  it("Names a field once: bounds mean nothing while its kind is wrong", () => {
    expect(complaints(z.object({ a: z.array(z.string()).max(1) }), { a: "text" })).toEqual(['/a: "text" is not a list']);
  });

  it("Cuts long values short and long lists of errors off", () => {
    expect(complaints(z.object({ a: z.number() }), { a: "x".repeat(100) })).toEqual([`/a: "${"x".repeat(59)}… is not a number`]);
    expect(complaints(z.array(z.number()), Array(1000).fill("x"))).toHaveLength(20);
  });

  it("Escapes pointers", () => {
    expect(jsonPointer(["a/b", 0, "c~d"])).toBe("/a~1b/0/c~0d");
    expect(jsonPointer([])).toBe("");
  });

  it("Reads as one sentence", () => {
    const { error } = z.strictObject({ a: z.number(), b: z.boolean() }).safeParse({ a: null, b: 1, c: 2 });
    expect(explain(fieldErrors(error as z.ZodError))).toBe(
      '/a: null is not a number; /b: 1 is not true or false; there is no field "c"; there are a, b',
    );
  });
});
