import { expect, test } from "vitest";
import { isRunId, newRunId, runIdTime } from "../../src/runs/run-id.ts";

test("Ids sort in the order they were made, thousands in a millisecond too, and tell when", () => {
  const now = Date.now() + 1000;
  const ids = Array.from({ length: 5000 }, () => newRunId(now));
  expect([...ids].sort()).toEqual(ids);
  expect(new Set(ids).size).toBe(5000);
  expect(ids.every(isRunId)).toBe(true);
  expect(runIdTime(ids[0] as string)).toBe(now);
});

test("Nothing else is an id", () => {
  for (const text of ["", "../../etc/passwd", "01K2X3Y4Z5A6B7C8D9E0F1G2H3", "0".repeat(27), `${"0".repeat(25)}u`])
    expect(isRunId(text)).toBe(false);
});
