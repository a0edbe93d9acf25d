import { mkdtempSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { uploadedFiles } from "../../src/datasets/uploaded-files.ts";
import { uploadedRows } from "../../src/datasets/uploaded-rows.ts";
import { DatabaseUnavailable } from "../../src/store/database.ts";
import { pgliteDatabase, type TestDatabase } from "../support/pglite-database.ts";
import { body, pieces, type TestDatasets, testDatasets } from "./help.ts";

const TALES = '{"text":"Once"}\n{"n":1}';

let db: TestDatabase;
beforeAll(async () => {
  db = await pgliteDatabase();
});
afterAll(() => db.close());

const places = {
  files: () => {
    const folder = mkdtempSync(join(tmpdir(), "stratascope-uploads-"));
    return { first: uploadedFiles(folder), again: uploadedFiles(folder), replicas: false };
  },
  "rows of a database": () => ({ first: uploadedRows(async () => db), again: uploadedRows(async () => db), replicas: true }),
};

describe.each(Object.entries(places))("Uploaded data sets as %s", (_, place) => {
  let here: TestDatasets;
  /** After a restart, or on another replica. */
  let there: TestDatasets;
  beforeEach(async () => {
    const { first, again } = place();
    here = testDatasets(first);
    there = testDatasets(again);
    for (const { name } of await first.list()) await first.remove(name);
  });

  it("Are kept with what they hold, replaced, and left as they are when nothing is new", async () => {
    const { datasets, left } = here;
    const first = await datasets.put("tales", "jsonl", body(TALES));
    expect(first).toMatchObject({
      change: "created",
      dataset: { name: "tales", source: "uploaded", format: "jsonl", counts: { rows: 2, texts: 1 }, bytes: TALES.length },
    });
    expect(await datasets.put("tales", "jsonl", body(TALES))).toEqual({ ...first, change: "unchanged" });
    const other = await datasets.put("tales", "text", body(TALES));
    expect(other).toMatchObject({ change: "replaced", dataset: { format: "text", counts: { rows: 1, texts: 1 } } });
    expect([...(await datasets.get("tales")).texts]).toEqual([TALES]);
    await datasets.remove("tales");
    await expect(datasets.get("tales")).rejects.toThrow('there is no data set "tales"; there are none');
    await expect(datasets.remove("tales")).rejects.toThrow('There is no data set "tales"; there are none.');
    expect((await datasets.put("tales", "text", body("Twice"))).change).toBe("created");
    expect(left()).toEqual([]);
  });

  it("Are there for all who look", async () => {
    const { dataset } = await here.datasets.put("tales", "text", body("One\n\ntwo"));
    await here.datasets.put("b", "text", body("b"));
    const { facts, counts, ...listed } = dataset;
    expect((await there.datasets.list()).map(({ name }) => name)).toEqual(["b", "tales"]);
    expect((await there.datasets.list())[1]).toMatchObject(listed);
    expect(await there.datasets.describe("tales")).toEqual(dataset);
    expect([...(await there.datasets.get("tales")).texts]).toEqual(["One", "two"]);
    await here.datasets.put("tales", "text", body("Three"));
    expect([...(await there.datasets.get("tales")).texts]).toEqual(["Three"]);
    await there.datasets.remove("tales");
    await expect(here.datasets.get("tales")).rejects.toThrow('there is no data set "tales"; there are b');
    expect([facts.rows, counts.rows]).toEqual([2, 2]);
  });

  it("Come back byte for byte, however large", async () => {
    const text = Array.from({ length: 60_000 }, (_, i) => `{"text":"line ${i} é🦊 ${"x".repeat(i % 97)}"}`).join("\r\n");
    const bytes = Buffer.from(text);
    expect(bytes.length).toBeGreaterThan(4 * 2 ** 20);
    const large = testDatasets(place().first, bytes.length);
    const whole = { content: pieces(bytes, 300_001), declaredBytes: bytes.length, signal: new AbortController().signal };
    const { dataset } = await large.datasets.put("large", "jsonl", whole);
    expect(dataset).toMatchObject({ bytes: bytes.length, counts: { rows: 60_000, texts: 60_000 } });
    const back = await large.datasets.get("large");
    expect([back.sha256, back.texts[0], back.texts[59_999]]).toEqual([
      dataset.sha256,
      "line 0 é🦊 ",
      `line 59999 é🦊 ${"x".repeat(59_999 % 97)}`,
    ]);
    await large.datasets.remove("large");
  });

  it("Are whole, one of them new, when several come at once", async () => {
    const texts = Array.from({ length: 8 }, (_, i) => `version ${i}`);
    const puts = texts.map((text, i) => (i % 2 && place().replicas ? there : here).datasets.put("same", "text", body(text)));
    const changes = (await Promise.all(puts)).map(({ change }) => change);
    expect(changes.filter((change) => change === "created")).toHaveLength(1);
    expect(texts).toContain((await here.datasets.get("same")).texts[0]);
    expect((await here.datasets.get("same")).sha256).toBe((await there.datasets.get("same")).sha256);
  });

  it("Are refused, and what was there stays: a wrong line, no row, too many bytes, a client that goes away", async () => {
    const { datasets, left } = here;
    await datasets.put("tales", "text", body("One"));
    await expect(datasets.put("tales", "jsonl", body('{"a":1}\n{"a":'))).rejects.toThrow(
      "line 2 of the data set tales is not JSON",
    );
    await expect(datasets.put("tales", "jsonl", body("\n\n"))).rejects.toThrow(
      "the data set tales is empty; at least 1 row is needed",
    );
    await expect(datasets.put("tales", "text", body("a".repeat(100_001)))).rejects.toThrow(
      /^The data set has at least 100\d{3} bytes; MAX_DATASET_BYTES allows 100000\.$/,
    );
    await expect(datasets.put("tales", "text", { ...body("a"), declaredBytes: 100_001 })).rejects.toThrow(
      "The data set has 100001 bytes; MAX_DATASET_BYTES allows 100000.",
    );
    await expect(datasets.put("tales", "text", { ...body("abc"), declaredBytes: 4 })).rejects.toThrow(
      "The upload was broken off after 3 bytes; nothing of it was kept.",
    );
    await expect(datasets.put("tales", "text", { ...body("abc"), signal: AbortSignal.abort() })).rejects.toThrow(
      "broken off after 3",
    );
    const torn = async function* () {
      yield Buffer.from("ab");
      throw new Error("socket hang up");
    };
    await expect(datasets.put("tales", "text", { ...body(""), content: torn() })).rejects.toThrow("broken off after 2 bytes");
    await expect(datasets.put("../tales", "text", body("a"))).rejects.toThrow('"../tales" cannot be a data set\'s name');
    expect([...(await datasets.get("tales")).texts]).toEqual(["One"]);
    expect(left()).toEqual([]);
  });

  it("Give way to a file of DATASETS_DIR that has their name", async () => {
    const { datasets, write } = here;
    await datasets.put("own", "text", body("uploaded"));
    write("own.txt", "a file");
    expect([...(await datasets.get("own")).texts]).toEqual(["a file"]);
    expect((await datasets.list()).map(({ name, source }) => [name, source])).toEqual([["own", "folder"]]);
    await expect(datasets.put("own", "text", body("new"))).rejects.toThrow(
      "The data set own lies in DATASETS_DIR: an uploaded data set cannot take its place; upload it under another name.",
    );
    await expect(datasets.remove("own")).rejects.toThrow(
      "The data set own lies in DATASETS_DIR: it cannot be removed through the API, which never changes that folder.",
    );
  });
});

describe("Uploads as files", () => {
  it("Are passed over when they are not whole, and refused when they are not what was uploaded", async () => {
    const folder = mkdtempSync(join(tmpdir(), "stratascope-uploads-"));
    const datasets = testDatasets(uploadedFiles(folder)).datasets;
    await datasets.put("tales", "text", body("Once upon a time"));
    const path = join(folder, "tales.dataset");
    const bytes = readFileSync(path);
    writeFileSync(path, Buffer.concat([bytes.subarray(0, -4), Buffer.from("TIME")]));
    const fresh = testDatasets(uploadedFiles(folder)).datasets;
    await expect(fresh.get("tales")).rejects.toThrow("the data set tales is not what was stored, or changes all the time");
    writeFileSync(path, bytes.subarray(0, -1));
    await expect(fresh.get("tales")).rejects.toThrow('there is no data set "tales"; there are none');
    writeFileSync(join(folder, "x.dataset"), "");
    expect(await fresh.list()).toEqual([]);
    expect((await fresh.put("tales", "text", body("Again"))).change).toBe("created");
  });

  it("Leave no temporary files of a process that was killed, and those of others alone", async () => {
    const { datasets, uploads, left } = testDatasets();
    const [old, recent] = [join(uploads, "old.tmp"), join(uploads, "recent.tmp")];
    writeFileSync(old, "half an upl");
    writeFileSync(recent, "half an upl");
    const hours = statSync(old).mtimeMs / 1000 - 2 * 3600;
    utimesSync(old, hours, hours);
    await datasets.put("tales", "text", body("Once"));
    expect(left()).toEqual(["recent.tmp", "tales.dataset"]);
  });
});

describe("Uploads as rows", () => {
  it("Need the database only where it is meant", async () => {
    const here = testDatasets(uploadedRows(async () => db));
    here.write("own.txt", "a file");
    await here.datasets.put("far", "text", body("a row"));
    db.lose(true);
    expect([...(await here.datasets.get("own")).texts]).toEqual(["a file"]);
    await expect(here.datasets.get("far")).rejects.toThrow(DatabaseUnavailable);
    await expect(here.datasets.put("new", "text", body("a"))).rejects.toThrow(DatabaseUnavailable);
    await expect(here.datasets.list()).rejects.toThrow(DatabaseUnavailable);
    expect(here.left()).toEqual([]);
    db.lose(false);
    expect([...(await here.datasets.get("far")).texts]).toEqual(["a row"]);
    await here.datasets.remove("far");
  });
});
