import { describe, expect, it } from "vitest";
import { csvOf } from "../../../src/experiments/formats/csv.ts";
import { AWKWARD } from "./tables.ts";

/** RFC 4180, read back; null where nothing stands between two commas. */
function parse(csv: string): (string | null)[][] {
  const rows: (string | null)[][] = [];
  let row: (string | null)[] = [];
  for (const [, quoted, plain = "", end] of csv.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
    row.push(quoted === undefined ? plain || null : quoted.replaceAll('""', '"'));
    if (end === ",") continue;
    rows.push(row);
    row = [];
  }
  return rows;
}

describe("A table as CSV", () => {
  it("Names the columns first and ends every line with CRLF", () => {
    const columns = [
      { name: "layer", type: "int", description: "" },
      { name: "mean", type: "float", description: "" },
      { name: "supported", type: "boolean", description: "" },
    ] as const;
    const rows = [
      { layer: 0, mean: 0.25, supported: true },
      { layer: null, mean: -1e-21, supported: false },
    ];
    expect(csvOf({ columns, rows })).toBe("layer,mean,supported\r\n0,0.25,true\r\n,-1e-21,false\r\n");
    expect(csvOf({ columns, rows: [] })).toBe("layer,mean,supported\r\n");
  });

  it("Quotes what has commas, quotes or line ends, and only that", () => {
    const columns = [{ name: 'a "name", with all', type: "string", description: "" }] as const;
    const csv = csvOf({ columns, rows: ["plain", "a,b", 'say "hi"', "1\n2", ""].map((value) => ({ [columns[0].name]: value })) });
    expect(csv).toBe('"a ""name"", with all"\r\nplain\r\n"a,b"\r\n"say ""hi"""\r\n"1\n2"\r\n""\r\n');
  });

  it("Gives every value back, to the bit; null and what is not finite are empty", () => {
    const [header, ...lines] = parse(csvOf(AWKWARD));
    expect(header).toEqual(AWKWARD.columns.map(({ name }) => name));
    const values = lines.map((line) =>
      Object.fromEntries(
        AWKWARD.columns.map(({ name, type }, i) => {
          const text = line[i] ?? null;
          if (text === null || type === "string") return [name, text];
          return [name, type === "boolean" ? text === "true" : Number(text)];
        }),
      ),
    );
    const finite = AWKWARD.rows.map((row) =>
      Object.fromEntries(
        Object.entries(row).map(([name, value]) => [name, typeof value === "number" && !Number.isFinite(value) ? null : value]),
      ),
    );
    expect(values).toEqual(finite); // toEqual tells −0 from 0
  });
});
