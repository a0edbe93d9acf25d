/** The report as a folder: index.html, figures/, tables/. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { UsageError } from "../../cli/usage-error.ts";
import { experimentsRun } from "../claims/findings.ts";
import { GENERATOR, pageOf, type ReportAbout } from "../page/page.ts";
import type { ModelOutcomes } from "../results/outcome.ts";
import { reportFiles } from "./files.ts";

const PAGE = "index.html";
const FOLDERS = ["figures", "tables"] as const;

/** Refuses a folder that holds something else than a report: nothing of it may be lost. */
export function checkFolder(folder: string): void {
  if (!existsSync(folder)) return;
  const held = readdirSync(folder);
  if (held.length === 0 || isReport(join(folder, PAGE))) return;
  throw new UsageError(`--out ${folder} holds other files than a report (${held.slice(0, 3).join(", ")}); name an empty folder.`);
}

/** Writes it, in the place of a report that is there. The page's path. */
export async function writeReport(folder: string, models: readonly ModelOutcomes[], about: ReportAbout): Promise<string> {
  const files = await reportFiles(models, experimentsRun(models));
  const page = join(folder, PAGE);
  checkFolder(folder);
  for (const part of FOLDERS) await rm(join(folder, part), { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  for (const [path, text] of [...files.contents, [PAGE, pageOf(models, files, about)] as const]) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  return page;
}

function isReport(page: string): boolean {
  return existsSync(page) && readFileSync(page, "utf8").includes(`<meta name="generator" content="${GENERATOR}">`);
}
