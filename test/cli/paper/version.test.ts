import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { sourcesHash } from "../../../src/cli/paper/version.ts";

const folder = mkdtempSync(join(tmpdir(), "stratascope-sources-"));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("sourcesHash", () => {
  it("is another with every change of what computes, and with no other", () => {
    const write = (path: string, text: string) => {
      mkdirSync(join(folder, path, ".."), { recursive: true });
      writeFileSync(join(folder, path), text);
    };
    write("metrics/sum.ts", "a + b");
    write("cli/main.ts", "print");
    const before = sourcesHash(folder);
    expect(before).toMatch(/^[0-9a-f]{16}$/);
    write("cli/main.ts", "print again");
    write("report/page.ts", "a page");
    write("metrics/notes.md", "notes");
    expect(sourcesHash(folder)).toBe(before);
    write("metrics/sum.ts", "b + a");
    const changed = sourcesHash(folder);
    expect(changed).not.toBe(before);
    renameSync(join(folder, "metrics/sum.ts"), join(folder, "metrics/total.ts"));
    expect(sourcesHash(folder)).not.toBe(changed);
    renameSync(join(folder, "metrics/total.ts"), join(folder, "metrics/sum.ts"));
    expect(sourcesHash(folder)).toBe(changed);
  });

  it("of the sources of this project is the same, asked twice", () => {
    expect(sourcesHash()).toBe(sourcesHash());
  });
});
