import { expect, test } from "vitest";
import { isWithin, Tally } from "../../src/certify/finding.ts";

test("exact: values that differ are counted, −0 is 0, and the first place is named", () => {
  const tally = new Tally("exact");
  tally.compare("same", [0, 1], [-0, 1]);
  expect(isWithin(tally.finding())).toBe(true);
  tally.compare("one", [1, 2], [1, 2.5]);
  tally.compare("two", [1], [3]);
  expect(tally.finding()).toMatchObject({ error: 2, compared: 5, worst: "one", tolerance: 0 });
});

test("relative: the worst row, not the whole", () => {
  const tally = new Tally("relative");
  tally.compare("rows", [1000, 1], [1000, 1.5], 1);
  expect(tally.finding().error).toBeCloseTo(1 / 3, 12);
});

test.each(["exact", "relative", "absolute"] as const)("%s: what is missing, too short, or no number fails", (measure) => {
  for (const actual of [undefined, [1], [Number.NaN, 1]]) {
    const tally = new Tally(measure);
    tally.compare("here", actual, [1, 1]);
    tally.compare("there", [1], [1]);
    expect(isWithin(tally.finding())).toBe(false);
    expect(tally.finding().worst).toBe("here");
  }
});

test("nothing compared has not passed", () => {
  expect(isWithin(new Tally("relative").finding())).toBe(false);
});
