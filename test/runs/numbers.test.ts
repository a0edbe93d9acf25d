import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { double, list, share, single } from "../../src/runs/numbers.ts";

describe("single", () => {
  it("Writes short text", () => {
    expect(single(Math.fround(-1.204))).toBe("-1.204");
    expect(single(Math.fround(0.1))).toBe("0.1");
    expect(single(Math.fround(41.03125))).toBe("41.03125");
    expect(single(Math.fround(1234567.5))).toBe("1234567.5");
    expect(single(-0)).toBe("0");
  });

  it("Writes null for what is no number", () => {
    for (const value of [Number.NaN, Infinity, -Infinity, undefined])
      expect([single(value), double(value)]).toEqual(["null", "null"]);
  });

  it("Is right to seven digits, and JSON, whatever the size", () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const text = single(value);
        expect(Math.abs((JSON.parse(text) as number) - value)).toBeLessThanOrEqual(Math.abs(value) * 1e-7);
      }),
    );
  });
});

describe("share", () => {
  it("Is right to eight decimals", () => {
    expect([0, 1, 0.5, 0.00000001, 1e-9, 0.99999999, Number.NaN].map(share)).toEqual([
      ...["0", "1", "0.50000000", "0.00000001", "0", "0.99999999", "null"],
    ]);
    fc.assert(
      fc.property(fc.float({ min: 0, max: 1, noNaN: true }), (value) => {
        expect(Math.abs((JSON.parse(share(value)) as number) - value)).toBeLessThanOrEqual(5.1e-9);
      }),
    );
  });
});

describe("list", () => {
  it("Is a JSON list", () => {
    expect(list([], double)).toBe("[]");
    expect(list([1, Number.NaN, 0.25], double)).toBe("[1,null,0.25]");
  });
});
