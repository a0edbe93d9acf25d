/** The command as people run it: the real service, the shipped model. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { RunEvent } from "../../src/schemas/events.ts";

const BIN = fileURLToPath(new URL("../../bin/stratascope.mjs", import.meta.url));

const dataDir = mkdtempSync(join(tmpdir(), "stratascope-cli-"));
afterAll(() => rmSync(dataDir, { recursive: true }));

/** From a folder that is not the project's. */
function stratascope(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [BIN, ...args],
      { cwd: tmpdir(), env: { ...process.env, DATA_DIR: dataDir } },
      (error, out, err) => {
        resolve({ code: error ? Number(error.code) : 0, out, err });
      },
    );
  });
}

describe("stratascope", () => {
  it("run: a plain table when piped, the deleted layer left out, and the comparison", async () => {
    const { code, out } = await stratascope("run", "She opened the door and looked into the", "--delete", "5");
    expect(code).toBe(0);
    expect(out).not.toContain("\u001b");
    expect(out).toMatch(/^ +5 .* │ +not run$/m);
    expect(out).toMatch(/KL\(baseline ‖ intervened\) +0\.075 nats/);
    expect(out).toContain("✓ kept");
  });

  it("run --json: the events of the contract, one a line", async () => {
    const { out } = await stratascope("run", "It was the best of", "--swap", "2,3", "--json");
    const events = out
      .trim()
      .split("\n")
      .map((line) => RunEvent.parse(JSON.parse(line)));
    expect(events[0]?.type).toBe("meta");
    expect(events.at(-1)?.type).toBe("done");
    expect(events.filter((event) => event.type === "layer")).toHaveLength(26);
  });

  it("sweep: a bar for every deletion and every swap", async () => {
    const { code, out } = await stratascope("sweep", "It was the best of");
    expect(code).toBe(0);
    expect(out.match(/ [✓✗]/gu)).toHaveLength(12 + 11);
  });

  it("What the service refuses goes to standard error, with exit code 1", async () => {
    const { code, out, err } = await stratascope("run", "It was", "--delete", "40");
    expect(code).toBe(1);
    expect(out).toBe("");
    expect(err).toBe(
      "The intervention cannot be applied (422): --delete: layer 40 is out of range: prose-6m has 12 layers, so layers -12 to 11\n",
    );
  });

  it("Refusals of experiments speak of flags", async () => {
    const { code, err } = await stratascope("experiment", "benchmark", "--tokens", "12");
    expect([code, err]).toEqual([
      1,
      "The request has invalid fields (422): --tokens: this kind reads its texts whole: 12 tokens of each would not do\n",
    ]);
  });

  it("Layers are counted from the end as places are", async () => {
    const { code, out } = await stratascope("run", "It was the best of", "--delete", "-1", "--positions", "-1");
    expect(code).toBe(0);
    expect(out).toMatch(/^ +11 .* │ +not run$/m);
  });

  it("A wrong flag says which there are, with exit code 2", async () => {
    const { code, err } = await stratascope("run", "It was", "--remove", "4");
    expect(code).toBe(2);
    expect(err).toContain("--remove is not a flag of this command. Its flags: --delete, --swap");
  });

  it("No service at --url is said so", async () => {
    const { code, err } = await stratascope("models", "--url", "http://127.0.0.1:9");
    expect(code).toBe(1);
    expect(err).toContain("No service answers at http://127.0.0.1:9");
  });
});
