import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { datasetsIn } from "../../src/datasets/datasets.ts";

describe("Data sets of a folder", () => {
  const folder = mkdtempSync(join(tmpdir(), "stratascope-datasets-"));
  const datasets = datasetsIn(folder);
  const write = (name: string, text: string) => writeFileSync(join(folder, `${name}.jsonl`), text);

  it("Are read line by line, and again when the file has changed", async () => {
    write("tales", '{"id":"1","text":"Once"}\n\n{"text":"upon a\\ntime"}\n');
    const first = await datasets.get("tales");
    expect(first).toEqual({ name: "tales", sha256: expect.stringMatching(/^[0-9a-f]{64}$/), texts: ["Once", "upon a\ntime"] });
    expect(await datasets.get("tales")).toBe(first);
    write("tales", '{"text":"Twice upon"}');
    const second = await datasets.get("tales");
    expect(second.texts).toEqual(["Twice upon"]);
    expect(second.sha256).not.toBe(first.sha256);
  });

  it("Are listed by name; files of other names are none", async () => {
    write("b.2", "");
    writeFileSync(join(folder, "README.md"), "");
    writeFileSync(join(folder, ".hidden.jsonl"), "");
    expect(await datasets.list()).toEqual(["b.2", "tales"]);
    expect(await datasetsIn(join(folder, "nowhere")).list()).toEqual([]);
  });

  it("Are refused with what there is, or with the line that is wrong", async () => {
    write("torn", '{"text":"a"}\n{"text":');
    write("other", '{"text":"a"}\n{"prompt":"a"}\n');
    write("null", "null");
    await expect(datasets.get("fables")).rejects.toThrow(
      'there is no data set "fables"; there are b.2, null, other, tales, torn',
    );
    await expect(datasets.get("../tales")).rejects.toThrow('there is no data set "../tales"');
    await expect(datasets.get("torn")).rejects.toThrow("line 2 of the data set torn is not JSON");
    await expect(datasets.get("other")).rejects.toThrow('line 2 of the data set other has no "text" that is a text');
    await expect(datasets.get("null")).rejects.toThrow('line 1 of the data set null has no "text"');
    await expect(datasetsIn("nowhere").get("x")).rejects.toThrow('there is no data set "x"; there are none');
  });

  it("The shipped one is there", async () => {
    expect((await datasetsIn("datasets").get("prose-heldout")).texts).toHaveLength(256);
  });
});
