import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { csvOf } from "../../src/experiments/formats/csv.ts";
import type { Column } from "../../src/experiments/result.ts";
import { rowsOfCsv } from "../../src/report/results/csv.ts";

const COLUMNS: readonly Column[] = (["string", "int", "float", "boolean"] as const).map((type) => ({
  name: `a ${type}`,
  type,
  description: "",
}));

describe("rowsOfCsv", () => {
  it("gives back every cell that was written, to the bit", () => {
    const cell = {
      "a string": fc.option(fc.oneof(fc.string(), fc.constantFrom("", '"', ",", "\r\n", 'a "b",\n'))),
      "a int": fc.option(fc.integer()),
      "a float": fc.option(fc.double({ noNaN: true, noDefaultInfinity: true })),
      "a boolean": fc.option(fc.boolean()),
    };
    fc.assert(
      fc.property(fc.array(fc.record(cell), { maxLength: 8 }), (rows) => {
        expect(rowsOfCsv(csvOf({ columns: COLUMNS, rows }), COLUMNS, "t.csv")).toEqual(rows);
      }),
    );
  });

  it("says what is wrong, and where", () => {
    const [first] = COLUMNS as [Column];
    expect(() => rowsOfCsv("b\r\nx\r\n", [first], "t.csv")).toThrow("t.csv has the columns b; a string are expected.");
    expect(() => rowsOfCsv("a string\r\nx,y\r\n", [first], "t.csv")).toThrow("Line 2 of t.csv has 2 fields; 1 are expected.");
    expect(() => rowsOfCsv('a string\r\nx"y\r\n', [first], "t.csv")).toThrow("t.csv is no CSV at character 10.");
  });
});
