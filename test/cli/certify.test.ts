/** `stratascope certify` as people run it: a table or one object, and an exit code that a script can use. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { safetensors } from "../support/checkpoint.ts";
import { readReference } from "../support/reference.ts";

const BIN = fileURLToPath(new URL("../../bin/stratascope.mjs", import.meta.url));
const FIXTURE = resolve("test/fixtures/checkpoints/neox-sequential");
const REFERENCE = resolve("test/fixtures/reference/neox-sequential.safetensors");
const scratch = mkdtempSync(join(tmpdir(), "stratascope-certify-"));
afterAll(() => rmSync(scratch, { recursive: true }));

/** From a folder that is not the project's. */
function certify(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((done) => {
    const env = { ...process.env, DEVICE: "cpu" };
    execFile(process.execPath, [BIN, "certify", ...args], { cwd: tmpdir(), env }, (error, out, err) => {
      done({ code: error ? Number(error.code) : 0, out, err });
    });
  });
}

describe("stratascope certify", () => {
  it("a folder by its path: a row a check, no wider than what is piped, and the verdict", async () => {
    const { code, out } = await certify(FIXTURE, "--reference", REFERENCE);
    expect(code).toBe(0);
    expect(out).toMatch(/^ ✓ swap twice = baseline +same bits +0 differ$/m);
    expect(out).toMatch(/^ ✓ delete +\d\.\de-\d +1e-4 rel {2}3 tensors$/m);
    expect(out).toMatch(/^PASSED: \d+ passed, 2 not run/m);
    // Every name whole: two checks that are cut alike could not be told apart.
    expect(out).not.toMatch(/\S…/);
    expect(out.split("\n").filter((line) => line.length > 100)).toEqual([]);
  });

  it("--json: one object; what fails says where, and the exit code is 1", async () => {
    const logits = readReference(REFERENCE);
    const values = logits.values("logits").map((value) => value * 1.01);
    const path = join(scratch, "off.safetensors");
    const ids = BigInt64Array.from(logits.ids("tokens"), BigInt);
    writeFileSync(
      path,
      safetensors([
        ["tokens", { dtype: "I64", shape: logits.shape("tokens"), bytes: new Uint8Array(ids.buffer) }],
        ["logits", { dtype: "F32", shape: logits.shape("logits"), bytes: new Uint8Array(values.buffer) }],
      ]),
    );
    const { code, out } = await certify(FIXTURE, "--reference", path, "--json");
    expect(code).toBe(1);
    const { verdict, checks, not_checked } = JSON.parse(out);
    expect({ verdict, not_checked }).toEqual({ verdict: "failed", not_checked: [] });
    const [failed, ...others] = checks.filter((check: { verdict: string }) => check.verdict === "failed");
    expect(others).toEqual([]);
    expect(failed).toMatchObject({ group: "reference", name: "logits", measure: "relative", tolerance: 1e-4 });
    expect(failed.error).toBeCloseTo(0.01 / 1.01, 4);
  });

  it("what is no model, and what is no reference, is said so", async () => {
    const missing = await certify("nowhere/at-all");
    expect([missing.code, missing.out]).toEqual([1, ""]);
    expect(missing.err).toContain('"nowhere/at-all" is no model of');
    const other = await certify("prose-6m", "--reference", resolve("package.json"));
    expect(other.code).toBe(1);
    expect(other.err).toContain("The reference package.json cannot be used.");
    expect((await certify()).code).toBe(2);
  });
});
