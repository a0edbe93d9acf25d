/** The command as people run it: the real service, the shipped model. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { PAPER_EXPERIMENTS } from "../../../src/report/plan/catalogue.ts";
import type { Experiment, ExperimentList } from "../../../src/schemas/experiments/experiment.ts";
import { startService } from "../../support/service.ts";

const BIN = fileURLToPath(new URL("../../../bin/stratascope.mjs", import.meta.url));
/** Sixteen experiments, or one that is stopped and gone on with. */
const WHOLE_MS = 300_000;
const home = mkdtempSync(join(tmpdir(), "stratascope-paper-"));

afterAll(() => rmSync(home, { recursive: true, force: true }));

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function start(...args: string[]): { readonly child: ChildProcess; readonly ended: Promise<Ended> } {
  const env = { ...process.env, DATA_DIR: join(home, "data") };
  const child = spawn(process.execPath, [BIN, ...args], { cwd: home, env });
  let [out, err] = ["", ""];
  child.stdout.on("data", (chunk) => (out += chunk));
  child.stderr.on("data", (chunk) => (err += chunk));
  const ended = new Promise<Ended>((resolve) => child.on("close", (code) => resolve({ code, out, err })));
  return { child, ended };
}

const stratascope = (...args: string[]) => start(...args).ended;

/** Text of every file, by path. */
function filesIn(folder: string): Record<string, string> {
  const paths = readdirSync(folder, { recursive: true, encoding: "utf8" }).sort();
  const files = paths.filter((path) => statSync(join(folder, path)).isFile());
  return Object.fromEntries(files.map((path) => [path, readFileSync(join(folder, path), "utf8")]));
}

async function experiments(): Promise<readonly Experiment[]> {
  const { out } = await stratascope("experiments", "--json");
  return (JSON.parse(out) as Pick<ExperimentList, "experiments">).experiments;
}

describe("stratascope paper", () => {
  it(
    "runs every experiment once and writes the report; again, it finds everything done and writes the same",
    async () => {
      const args = ["paper", "prose-6m", "--out", "report", "--texts", "4", "--tokens", "32"];
      const first = await stratascope(...args);
      expect(first.err).toBe("");
      expect(first.code).toBe(0);
      for (const { id } of PAPER_EXPERIMENTS) expect(first.out).toMatch(new RegExp(`^ [✓–] ${id} `, "m"));
      expect(first.out).toMatch(/^ ✓ layer-interventions +4 texts × 32 tokens$/m);
      expect(first.out).toMatch(/^ ✓ neuron-census +weights alone$/m);
      expect(first.out).toMatch(/^ – suffix-probe +the texts have \d+ positions whose next token ends a word in "ing"/m);
      expect(first.out).toContain("report/index.html");

      const report = filesIn(join(home, "report"));
      const refused = ["suffix-probe", "span-probe"];
      for (const { id } of PAPER_EXPERIMENTS.filter((each) => !refused.includes(each.id))) {
        expect(Object.keys(report)).toContain(`figures/prose-6m/${id}.svg`);
        expect(Object.keys(report)).toContain(`tables/prose-6m/${id}.csv`);
      }
      expect(report["index.html"]).toContain(
        "Probes of neurons for a suffix: not measured. The service’s reason: “the texts have",
      );
      expect(report["index.html"]).toContain("<code>stratascope paper prose-6m --texts 4 --tokens 32</code>");

      const before = await experiments();
      expect(before).toHaveLength(PAPER_EXPERIMENTS.length - refused.length);
      expect(new Set(before.map(({ state }) => state))).toEqual(new Set(["completed"]));
      const second = await stratascope(...args);
      expect(second.code).toBe(0);
      expect(filesIn(join(home, "report"))).toEqual(report);
      expect((await experiments()).map(({ id }) => id)).toEqual(before.map(({ id }) => id));
    },
    WHOLE_MS,
  );

  it(
    "Ctrl-C cancels the experiment under way and says how to go on; the same command goes on",
    async () => {
      const service = await startService({ DATA_DIR: mkdtempSync(join(tmpdir(), "stratascope-paper-service-")) });
      try {
        const listed = async () => {
          const response = await fetch(`${service.url}/v1/experiments`);
          return ((await response.json()) as ExperimentList).experiments;
        };
        const args = [
          "paper",
          "prose-6m",
          "--only",
          "layer-interventions",
          "--texts",
          "48",
          "--url",
          service.url,
          "--out",
          "stopped",
        ];
        const { child, ended } = start(...args);
        // Chunks are stored and followed: only then is the signal its own.
        while (((await listed())[0]?.progress.done ?? 0) === 0) await new Promise((resolve) => setTimeout(resolve, 50));
        child.kill("SIGINT");
        const { code, err } = await ended;
        expect(code).toBe(130);
        expect(err).toBe("Cancelled. What was computed is kept: the same command again goes on from there.\n");
        const [stopped] = await listed();
        expect(stopped?.state).toBe("cancelled");

        const again = await stratascope(...args);
        expect(again).toMatchObject({ code: 0, err: "" });
        expect((await listed()).map(({ id, state }) => ({ id, state }))).toEqual([{ id: stopped?.id, state: "completed" }]);
        expect(Object.keys(filesIn(join(home, "stopped")))).toContain("figures/prose-6m/layer-interventions.svg");
      } finally {
        await service.stop();
      }
    },
    WHOLE_MS,
  );

  it("What is wrong for all experiments is said before any is started", async () => {
    const unknown = await stratascope("paper", "prose-6m", "--data", "nothing", "--out", "none");
    expect(unknown.code).toBe(1);
    expect(unknown.err).toContain('There is no data set "nothing"');
    const model = await stratascope("paper", "gpt5", "--out", "none");
    expect(model.code).toBe(1);
    expect(model.err).toContain("gpt5");
    expect(readdirSync(home)).not.toContain("none");
  });

  it("A folder of other files is left alone", async () => {
    const folder = mkdtempSync(join(home, "own-"));
    writeFileSync(join(folder, "notes.txt"), "mine");
    const { code, err } = await stratascope("paper", "prose-6m", "--out", folder);
    expect(code).toBe(2);
    expect(err).toContain("holds other files than a report (notes.txt); name an empty folder.");
    expect(filesIn(folder)).toEqual({ "notes.txt": "mine" });
  });
});
