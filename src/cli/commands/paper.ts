import { basename } from "node:path";
import { foreignFiles, readReport, writeReport } from "../../report/folder/folder.ts";
import { dataOf, gather } from "../../report/gather/gather.ts";
import type { PaperRequest } from "../../report/plan/request.ts";
import type { ModelOutcomes } from "../../report/results/outcome.ts";
import type { Command } from "../command.ts";
import { TEXT_FLAGS } from "../experiment-request.ts";
import { Failed } from "../failed.ts";
import { type CommandLine, flagValue, isGiven } from "../flags.ts";
import { audienceOn } from "../paper/audience.ts";
import { paperRequest } from "../paper/request.ts";
import { reportService } from "../paper/service.ts";
import { serviceVersion, sourcesHash } from "../paper/version.ts";
import { SERVICE_FLAGS, withService } from "../service.ts";
import type { Terminal } from "../terminal.ts";
import { UsageError } from "../usage-error.ts";

const DEFAULT_FOLDER = "paper";

const { model: _, texts: __, tokens: ___, ...OTHER_TEXT_FLAGS } = TEXT_FLAGS;

export const paperCommand: Command = {
  name: "paper",
  operand: "MODEL …",
  summary: "Every experiment of the paper on these models: a folder with all figures, all tables and a report",
  notes: [
    "Texts and tokens are chosen for each experiment by an estimate of its cost, unless they are said.",
    "Ctrl-C cancels it; the same command again goes on with what is done.",
  ],
  flags: {
    Report: {
      out: { value: "DIR", help: `The folder, new or of an earlier report (${DEFAULT_FOLDER})` },
      only: { value: "KIND,…", help: "These kinds of experiments alone" },
      "render-only": { help: "Write the pages and figures of the report in DIR again, from the results that lie there" },
    },
    Texts: {
      ...OTHER_TEXT_FLAGS,
      texts: { value: "N", help: "How many, in every experiment: the first ones" },
      tokens: { value: "N", help: "Each is cut to so many, BOS included, where texts are cut" },
    },
    Service: SERVICE_FLAGS,
  },
  example: "stratascope paper prose-6m smollm2-135m-instruct-q4 --out paper",
  async run(line, terminal) {
    const folder = flagValue(line, "out") ?? DEFAULT_FOLDER;
    if (isGiven(line, "render-only")) return renderAgain(line, folder, terminal);
    const request = paperRequest(line);
    checkFolder(folder);
    const models = await gathered(line, request, terminal);
    terminal.print("", ` ${await writeReport(folder, { models, command: commandOf(line) })}`, "");
    if (models.some(({ outcomes }) => [...outcomes.values()].some(({ state }) => state === "failed"))) throw new Failed();
  },
};

/** Refuses a folder that holds something else than a report: nothing of it may be lost. */
function checkFolder(folder: string): void {
  const foreign = foreignFiles(folder);
  if (foreign.length === 0) return;
  throw new UsageError(
    `--out ${folder} holds other files than a report (${foreign.slice(0, 3).join(", ")}); name an empty folder.`,
  );
}

function gathered(line: CommandLine, request: PaperRequest, terminal: Terminal): Promise<ModelOutcomes[]> {
  const keeps = true;
  return withService(
    line,
    async (client) => {
      const service = reportService(client, terminal);
      const told = await serviceVersion(client);
      const version = flagValue(line, "url") === undefined ? `${told}+${sourcesHash()}` : told;
      await dataOf(service, request, {}); // its absence is no matter of single experiments
      const models: ModelOutcomes[] = [];
      for (const id of request.models)
        models.push(await gather({ service, request, version, audience: audienceOn(terminal) }, id));
      return models;
    },
    keeps,
  );
}

async function renderAgain(line: CommandLine, folder: string, terminal: Terminal): Promise<void> {
  const other = line.given.find(({ name }) => name !== "render-only" && name !== "out");
  if (other || line.positionals.length > 0)
    throw new UsageError(
      `--render-only takes what lies in the folder, and nothing but --out; ${other ? `--${other.name}` : JSON.stringify(line.positionals[0])} was given.`,
    );
  const results = await readReport(folder);
  checkFolder(folder);
  terminal.print("", ` ${await writeReport(folder, results)}`, "");
}

/** What makes the same report again, wherever; no keys, no folders. */
function commandOf(line: CommandLine): string {
  const given = line.given
    .filter(({ name }) => !["out", "url", "key"].includes(name))
    .map(({ name, value }) => (value === "" ? `--${name}` : `--${name} ${name === "data" ? basename(value) : value}`));
  return ["stratascope paper", ...line.positionals, ...given].join(" ");
}
