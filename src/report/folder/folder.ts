/** The report as a folder: index.html, README.md, report.json, figures/, tables/. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Problem } from "../../problem.ts";
import { experimentsRun } from "../claims/findings.ts";
import { documentOf } from "../document/build.ts";
import { reportFiles } from "../figures/files.ts";
import { pageOf } from "../page/page.ts";
import { MARK, readmeOf } from "../readme/readme.ts";
import { type ReportResults, storedResults, storedText } from "../results/stored.ts";
import { GENERATOR } from "../text/generator.ts";

const PAGE = "index.html";
const README = "README.md";
const RESULTS = "report.json";
const FOLDERS = ["figures", "tables"] as const;

/** What the README says of the files beside it. */
const BESIDE = [
  [PAGE, "the same with every figure of every model"],
  ["figures", "all figures"],
  ["tables", "every number as CSV"],
  [RESULTS, "what they were made from"],
] as const;

/** Names of files that no report has and that writing one could lose; none: it may be written there. */
export function foreignFiles(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const held = readdirSync(folder);
  if (!isMarked(join(folder, PAGE), `<meta name="generator" content="${GENERATOR}">`)) return held;
  return held.includes(README) && !isMarked(join(folder, README), MARK) ? [README] : [];
}

/** All files of a report, by their paths in its folder. The same results are the same bytes. */
export async function filesOf(results: ReportResults): Promise<ReadonlyMap<string, string>> {
  const { models, command } = results;
  const files = await reportFiles(models, experimentsRun(models));
  const document = documentOf(models, files, command);
  return new Map([
    ...files.contents,
    [RESULTS, storedText(results)],
    [README, readmeOf(document, models.length, BESIDE)],
    [PAGE, pageOf(document, models.length)],
  ]);
}

/** Writes it, in the place of a report that is there. The page's path. Throws `conflict` where other files are in the way. */
export async function writeReport(folder: string, results: ReportResults): Promise<string> {
  const files = await filesOf(results);
  const foreign = foreignFiles(folder);
  if (foreign.length > 0) throw new Problem("conflict", `${folder} holds other files than a report: ${foreign.join(", ")}.`);
  for (const part of FOLDERS) await rm(join(folder, part), { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  for (const [path, text] of files) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  return join(folder, PAGE);
}

/** The results of a report that was written. Throws `not_found` where there is none, `invalid_request` where it cannot be read. */
export async function readReport(folder: string): Promise<ReportResults> {
  const at = join(folder, RESULTS);
  if (!existsSync(at)) throw new Problem("not_found", `${folder} holds no report: there is no ${RESULTS} in it.`);
  return storedResults(await readFile(at, "utf8"), (path) => {
    if (!existsSync(join(folder, path))) throw new Problem("not_found", `The report in ${folder} lacks its table ${path}.`);
    return readFileSync(join(folder, path), "utf8");
  });
}

function isMarked(file: string, mark: string): boolean {
  return existsSync(file) && readFileSync(file, "utf8").includes(mark);
}
