import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_ROW_BYTES, MAX_ROWS } from "../../src/datasets/rows.ts";
import { read } from "./help.ts";

const texts = async (...given: Parameters<typeof read>) => [...(await read(...given)).texts];
const rows = async (...given: Parameters<typeof read>) => [...(await read(...given)).rows];

describe("JSON lines", () => {
  it("Are one object a line, with all its fields", async () => {
    const line = '{"context":"2 + 2 =","choices":["4","5"],"answer":0}';
    expect(await rows("jsonl", `${line}\n{"text":"a\\nb"}`)).toEqual([
      { context: "2 + 2 =", choices: ["4", "5"], answer: 0 },
      { text: "a\nb" },
    ]);
  });

  it("May have blank lines, line ends of Windows, a byte-order mark and no last line end", async () => {
    expect(await texts("jsonl", '\ufeff{"text":"a"}\r\n\r\n  \t\n {"text":"b"} \r\n\n{"text":"\ufeffc"}')).toEqual([
      ..."ab",
      "\ufeffc",
    ]);
    expect(await texts("jsonl", "")).toEqual([]);
    expect(await texts("jsonl", "\ufeff\n\n")).toEqual([]);
  });

  it("Are refused with the line that is wrong, when it is looked at", async () => {
    const wrong = async (content: string | Uint8Array) => texts("jsonl", content);
    await expect(wrong('{"text":"a"}\n{"text":')).rejects.toThrow("line 2 of the data set x is not JSON");
    await expect(wrong('{"text":"a"}\n\n\n[1]')).rejects.toThrow("line 4 of the data set x is not a JSON object");
    await expect(wrong("null")).rejects.toThrow("line 1 of the data set x is not a JSON object");
    await expect(wrong('"text"')).rejects.toThrow("line 1 of the data set x is not a JSON object");
    await expect(wrong('{"text":"a"}\r\n{"text":7}')).rejects.toThrow('line 2 of the data set x has no "text" that is a text');
    const latin = Buffer.from('{"text":"a"}\n{"text":"\u00e9"}\n', "latin1");
    await expect(wrong(latin)).rejects.toThrow("line 2 of the data set x is not UTF-8");
    await expect(wrong(Buffer.from('\ufeff{"text":"a"}', "utf16le"))).rejects.toThrow("line 1 of the data set x is not UTF-8");
    const { texts: some } = await read("jsonl", '{"text":"a"}\n{"text":');
    expect(some.slice(0, 1)).toEqual(["a"]);
  });

  it("Give back what was written, whatever it is", async () => {
    const row = fc.dictionary(fc.string(), fc.jsonValue());
    await fc.assert(
      fc.asyncProperty(
        fc.array(row),
        fc.constantFrom("\n", "\r\n", "\n \n"),
        fc.integer({ min: 1, max: 9 }),
        async (all, end, size) => {
          const content = all.map((one) => JSON.stringify(one)).join(end);
          expect((await rows("jsonl", content, size)).map((one) => JSON.stringify(one))).toEqual(
            all.map((one) => JSON.stringify(one)),
          );
        },
      ),
    );
  });
});

describe("Plain text", () => {
  it("Is parted by blank lines where no line is a rule", async () => {
    expect(await texts("text", "One\ntwo.\n\n \t\nThree --- not a rule.\n\n\n")).toEqual(["One\ntwo.", "Three --- not a rule."]);
    expect(await texts("text", "  indented\n----\n--- x")).toEqual(["  indented\n----\n--- x"]);
    expect(await texts("text", "\n \n\t")).toEqual([]);
  });

  it("Is parted by lines of only --- where there is one, blank lines and all", async () => {
    expect(await texts("text", "\nOne\n\ntwo.\n\n---\nThree\n---  \n---\n\n---\n\n\nFour")).toEqual([
      "One\n\ntwo.",
      "Three",
      "Four",
    ]);
    expect(await texts("text", "One\n\ntwo\n---")).toEqual(["One\n\ntwo"]);
    expect(await texts("text", "---\nOne\n\ntwo")).toEqual(["One\n\ntwo"]);
    expect(await texts("text", "\ufeff---\nOne\n\ntwo")).toEqual(["One\n\ntwo"]);
  });

  it("Is the same text with line ends of Windows and a byte-order mark", async () => {
    for (const text of ["One\ntwo\n\nthree\n", "One\n\ntwo\n---\nthree"]) {
      const windows = `\ufeff${text.replaceAll("\n", "\r\n")}`;
      expect(await texts("text", windows)).toEqual(await texts("text", text));
    }
    expect(await texts("text", "a\rb\r\n")).toEqual(["a\rb"]);
  });

  it("Has rows of a text alone, and is refused by the line that a text begins at", async () => {
    expect(await rows("text", "One\n\ntwo")).toEqual([{ text: "One" }, { text: "two" }]);
    const torn = Buffer.concat([Buffer.from("One\n\n\ntwo\n"), Buffer.from([0xe2, 0x80])]);
    await expect(texts("text", torn)).rejects.toThrow("the text at line 4 of the data set x is not UTF-8");
  });

  it("Gives back the texts that rules part", async () => {
    const line = fc.string({ minLength: 1 }).filter((one) => /^[^\n\r]*[^\s][^\n\r]*$/.test(one) && !/^---[ \t]*$/.test(one));
    const text = fc.array(fc.oneof(line, fc.constant(""))).map((lines) => `a\n${lines.join("\n")}\nz`);
    await fc.assert(
      fc.asyncProperty(fc.array(text, { minLength: 1 }), async (all) => {
        expect(await texts("text", `${all.join("\n---\n")}\n---\n`)).toEqual(all);
      }),
    );
  });
});

describe("Bounds", () => {
  it("Of a row: refused with both numbers, and its line", async () => {
    const long = `{"text":"a"}\n{"text":"${"b".repeat(MAX_ROW_BYTES)}"}\n`;
    await expect(read("jsonl", long, 2 ** 20)).rejects.toThrow(
      "line 2 of the data set x has 16777227 bytes, more than the most allowed, 16777216",
    );
    await expect(read("text", "b".repeat(MAX_ROW_BYTES + 1), 2 ** 20)).rejects.toThrow(
      "the text at line 1 of the data set x has 16777217 bytes, more than the most allowed, 16777216",
    );
    const most = `{"text":"${"b".repeat(MAX_ROW_BYTES - 11)}"}`;
    expect((await read("jsonl", most, 2 ** 20)).texts[0]).toHaveLength(MAX_ROW_BYTES - 11);
  });

  it("Of rows: refused with the number; blank lines are not counted", async () => {
    const most = "{}\n\n".repeat(MAX_ROWS);
    expect((await read("jsonl", most, 2 ** 20)).rows).toHaveLength(MAX_ROWS);
    await expect(read("jsonl", `${most}{}`, 2 ** 20)).rejects.toThrow(
      "the data set x has more rows than the most allowed, 1000000",
    );
  });
});
