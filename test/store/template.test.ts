/** The empty cluster of embedded databases, which is committed. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { membersOf, readTemplate, TEMPLATE_PATH, TEMPLATE_VERSION, unpackTemplate } from "../../src/store/template.ts";

const root = mkdtempSync(join(tmpdir(), "stratascope-template-"));
afterAll(() => rmSync(root, { recursive: true }));

test("it is of the PGlite that is installed (else: node_modules/.bin/node scripts/store-template.ts)", async () => {
  const { version } = JSON.parse(readFileSync("node_modules/@electric-sql/pglite/package.json", "utf8"));
  const made = (await readTemplate()).find(({ path }) => path === TEMPLATE_VERSION);
  expect(Buffer.from(made?.content ?? []).toString()).toBe(`${version}\n`);
});

test("it is small", () => {
  expect(statSync(TEMPLATE_PATH).size).toBeLessThan(2 ** 20);
});

test("it is unpacked as a whole, and what an earlier attempt left is removed", async () => {
  const folder = join(root, "data", "postgres");
  const left = `${folder}.new-before`;
  mkdirSync(left, { recursive: true });
  writeFileSync(join(left, "PG_VERSION"), "half");
  await unpackTemplate(folder);
  expect(readdirSync(join(root, "data"))).toEqual(["postgres"]);
  expect(existsSync(join(folder, TEMPLATE_VERSION))).toBe(false);
  for (const { path, content } of await readTemplate()) {
    if (path === TEMPLATE_VERSION) continue;
    const there = statSync(join(folder, path));
    expect([path, there.isDirectory(), there.isDirectory() ? null : there.size]).toEqual([
      path,
      content === null,
      content?.length ?? null,
    ]);
  }
  expect(readFileSync(join(folder, "PG_VERSION"), "utf8")).toBe("18\n");
});

test("members of an archive are found as tar writes them", () => {
  const header = (name: string, size: number, type: string) => {
    const block = Buffer.alloc(512);
    block.write(name, 0);
    block.write(size.toString(8).padStart(11, "0"), 124);
    block.write(type, 156);
    return block;
  };
  const content = Buffer.alloc(512);
  content.write("hello");
  const tar = Buffer.concat([header("a/", 0, "5"), header("a/b", 5, "0"), content, header("a/c", 0, "0"), Buffer.alloc(1024)]);
  expect(membersOf(tar).map(({ path, content }) => [path, content && Buffer.from(content).toString()])).toEqual([
    ["a/", null],
    ["a/b", "hello"],
    ["a/c", ""],
  ]);
});
