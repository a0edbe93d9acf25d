/** A report written again from what lies in its folder: no service, no model. */
import { spawnSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { SMALL } from "../../experiments/figures/results.ts";
import { wholeModel } from "../../report/planted.ts";
import { contentsOf, newFolder, only, written } from "../../report/written.ts";

const BIN = fileURLToPath(new URL("../../../bin/stratascope.mjs", import.meta.url));

function stratascope(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [BIN, ...args], { encoding: "utf8" });
  return { code: status, out: stdout, err: stderr };
}

describe("stratascope paper --render-only", () => {
  it("What was changed by hand or lost is as it was; what is written says where", async () => {
    const { folder, readme } = await written([only(wholeModel(SMALL), "cka", "logit-lens")]);
    const before = contentsOf(folder);
    writeFileSync(join(folder, "README.md"), readme.replace("prose-6m", "my model"));
    rmSync(join(folder, "figures"), { recursive: true });
    const { code, out, err } = stratascope("paper", "--render-only", "--out", folder);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toBe(`\n ${join(folder, "index.html")}\n\n`);
    expect(contentsOf(folder)).toEqual(before);
  });

  it("Models and other flags have no place there; a folder without a report is named", async () => {
    const folder = newFolder();
    expect(stratascope("paper", "prose-6m", "--render-only")).toMatchObject({
      code: 2,
      err: '--render-only takes what lies in the folder, and nothing but --out; "prose-6m" was given.\n',
    });
    expect(stratascope("paper", "--render-only", "--only", "cka")).toMatchObject({
      code: 2,
      err: "--render-only takes what lies in the folder, and nothing but --out; --only was given.\n",
    });
    const none = stratascope("paper", "--render-only", "--out", folder);
    expect(none.code).toBe(1);
    expect(none.err).toContain(`${folder} holds no report: there is no report.json in it.`);
  });

  it("A README of somebody else beside the report stays, and the command says so", async () => {
    const { folder } = await written([only(wholeModel(SMALL), "cka")]);
    writeFileSync(join(folder, "README.md"), "# Mine\n");
    expect(stratascope("paper", "--render-only", "--out", folder)).toMatchObject({
      code: 2,
      err: `--out ${folder} holds other files than a report (README.md); name an empty folder.\n`,
    });
    expect(readFileSync(join(folder, "README.md"), "utf8")).toBe("# Mine\n");
  });
});
