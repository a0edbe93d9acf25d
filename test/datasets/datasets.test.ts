import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { datasetFolder } from "../../src/datasets/folder.ts";
import { testDatasets } from "./help.ts";

describe("Data sets of a folder", () => {
  const { datasets, folder, write } = testDatasets();

  it("Are read when they are asked for, and again when the file has changed", async () => {
    write("tales.jsonl", '{"id":"1","text":"Once"}\n\n{"text":"upon a\\ntime"}\n');
    const first = await datasets.get("tales");
    expect(first).toMatchObject({ name: "tales", format: "jsonl", sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect([...first.texts]).toEqual(["Once", "upon a\ntime"]);
    const [second, third] = await Promise.all([datasets.get("tales"), datasets.get("tales")]);
    expect(second).toBe(first);
    expect(third).toBe(first);
    write("tales.jsonl", '{"text":"Twice upon"}');
    const changed = await datasets.get("tales");
    expect([...changed.texts]).toEqual(["Twice upon"]);
    expect(changed.sha256).not.toBe(first.sha256);
  });

  it("Are listed by name, without reading them; files of other names are none", async () => {
    write("b.2.txt", "One\n\ntwo");
    write("b.2.jsonl", "");
    write("c.txt", "One\n\ntwo");
    write("README.md", "");
    write(".hidden.jsonl", "");
    mkdirSync(join(folder, "d.jsonl"));
    expect((await datasetFolder(folder).list()).map(({ name, format }) => [name, format])).toEqual([
      ["b.2", "jsonl"],
      ["c", "text"],
      ["tales", "jsonl"],
    ]);
    const [, c] = await datasets.list();
    expect(c).toMatchObject({ name: "c", source: "folder", bytes: 8, sha256: null, counts: null, createdAt: expect.any(Date) });
    const { sha256 } = await datasets.describe("c");
    expect((await datasets.list())[1]).toMatchObject({ sha256, counts: { rows: 2, texts: 2 } });
    expect(await datasetFolder(join(folder, "nowhere")).list()).toEqual([]);
  });

  it("Are refused with what there is", async () => {
    await expect(datasets.get("fables")).rejects.toThrow('there is no data set "fables"; there are b.2, c, tales');
    await expect(datasets.get("../tales")).rejects.toThrow('there is no data set "../tales"');
    await expect(datasets.get("tales.jsonl")).rejects.toThrow('there is no data set "tales.jsonl"');
    await expect(testDatasets().datasets.get("x")).rejects.toThrow('there is no data set "x"; there are none');
  });

  it("Are described by what all rows hold, or refused by the row that is wrong", async () => {
    write("quiz.jsonl", `{"context":"a","text":"${"🦊".repeat(300)}"}\n{"context":"b"}`);
    expect((await datasets.describe("quiz")).facts).toEqual({
      ...{ rows: 2, texts: 1, fields: ["context", "text"], preview: `${"🦊".repeat(200)}…` },
    });
    write("torn.jsonl", '{"text":"a"}\n{"text":');
    await expect(datasets.describe("torn")).rejects.toThrow("line 2 of the data set torn is not JSON");
    expect((await datasets.describe("b.2")).facts).toEqual({ rows: 0, texts: 0, fields: [], preview: null });
  });

  it("The shipped one is there, and says so", async () => {
    const shipped = await datasetFolder("datasets").find("prose-heldout");
    expect(shipped?.source).toBe("shipped");
  });
});
