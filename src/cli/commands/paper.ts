import { basename } from "node:path";
import { checkFolder, writeReport } from "../../report/folder/write.ts";
import { dataOf, gather } from "../../report/gather/gather.ts";
import { versionOf } from "../../report/gather/look.ts";
import { paperRequest } from "../../report/plan/request.ts";
import type { ModelOutcomes } from "../../report/results/outcome.ts";
import type { Command } from "../command.ts";
import { TEXT_FLAGS } from "../experiment-request.ts";
import { Failed } from "../failed.ts";
import { type CommandLine, flagValue } from "../flags.ts";
import { SERVICE_FLAGS, withService } from "../service.ts";

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
    const request = paperRequest(line);
    const folder = flagValue(line, "out") ?? DEFAULT_FOLDER;
    checkFolder(folder);
    const models: ModelOutcomes[] = [];
    const page = await withService(
      line,
      async (client) => {
        const version = await versionOf(client);
        await dataOf(client, request, {}); // its absence is no matter of single experiments
        for (const model of request.models) models.push(await gather({ client, request, version, terminal }, model));
        return writeReport(folder, models, { command: commandOf(line) });
      },
      true,
    );
    terminal.print("", ` ${page}`, "");
    if (models.some(({ outcomes }) => [...outcomes.values()].some(({ state }) => state === "failed"))) throw new Failed();
  },
};

/** What makes the same report again, wherever; no keys, no folders. */
function commandOf(line: CommandLine): string {
  const given = line.given
    .filter(({ name }) => !["out", "url", "key"].includes(name))
    .map(({ name, value }) => (value === "" ? `--${name}` : `--${name} ${name === "data" ? basename(value) : value}`));
  return ["stratascope paper", ...line.positionals, ...given].join(" ");
}
