import { extname } from "node:path";
import { EXPERIMENT_KINDS } from "../../schemas/experiments/settings.ts";
import type { Command } from "../command.ts";
import { experimentBody, SETTING_FLAGS, TEXT_FLAGS } from "../experiment-request.ts";
import { type ExperimentsClient, experimentsOf } from "../experiments-client.ts";
import { type CommandLine, flagValue, isGiven } from "../flags.ts";
import { followExperiment } from "../follow-experiment.ts";
import { kindLines, settingLines } from "../kind-help.ts";
import { experimentTable } from "../render/experiment-table.ts";
import { SERVICE_FLAGS, withService } from "../service.ts";
import type { Terminal } from "../terminal.ts";
import { UsageError } from "../usage-error.ts";

const RESULT_FORMATS = [".json", ".csv", ".parquet"];
const FIGURE_FORMATS = [".svg", ".png"];

/** What is written when it is completed. */
export const RESULT_FLAGS = {
  out: { value: "FILE", help: `The numbers: ${RESULT_FORMATS.join(", ")}` },
  figure: { value: "FILE", help: `The figure: ${FIGURE_FORMATS.join(", ")}` },
  files: { value: "DIR", help: "What it wrote beside its numbers: the safetensors of activations" },
  json: { help: "The events themselves, then the result, one JSON object a line" },
} as const;

const KEPT = "Results stay in DATA_DIR. Ctrl-C cancels; `stratascope experiments resume ID` goes on from there.";

export const experimentCommand: Command = {
  name: "experiment",
  operand: "KIND",
  summary: "One figure or table of the paper, over many texts: live progress, then the numbers",
  notes: [
    "Kinds (figures and tables are those of arXiv 2406.19384):",
    ...kindLines(),
    "",
    "`stratascope experiment KIND --help` lists a kind's settings; docs/experiments.md has its numbers.",
    KEPT,
  ],
  notesOn(operands) {
    const kind = EXPERIMENT_KINDS.find((each) => operands.includes(each));
    return kind ? [...settingLines(kind), "", KEPT] : null;
  },
  flags: { Texts: TEXT_FLAGS, Settings: SETTING_FLAGS, Output: RESULT_FLAGS, Service: SERVICE_FLAGS },
  example: "stratascope experiment layer-interventions --texts 16 --tokens 64 --out result.parquet --figure figure.svg",
  async run(line, terminal) {
    const body = experimentBody(line);
    checkFiles(line);
    await withService(
      line,
      async (client) => {
        const experiments = experimentsOf(client);
        const { id } = await experiments.start(body);
        await showExperiment(experiments, id, line, terminal);
      },
      true,
    );
  },
};

/** Follows an experiment to its end, by its events after number `after`, and shows what came of it. */
export async function showExperiment(
  client: ExperimentsClient,
  id: string,
  line: CommandLine,
  terminal: Terminal,
  after = 0,
): Promise<void> {
  if (isGiven(line, "json")) {
    for await (const event of client.events(id, after)) terminal.print(JSON.stringify(event));
    terminal.print(JSON.stringify({ type: "result", ...(await client.result(id)) }));
  } else {
    await followExperiment(client, id, terminal, { after });
    terminal.print("", ...experimentTable(await client.result(id), terminal.view), "");
  }
  const [out, figure] = [flagValue(line, "out"), flagValue(line, "figure")];
  if (out !== undefined) await client.save(id, `result?format=${extname(out).slice(1)}`, out);
  if (figure !== undefined) await client.save(id, `figure${extname(figure)}`, figure);
  const files = flagValue(line, "files");
  if (files !== undefined) await client.saveFiles(id, files);
  const written = [out, figure, files].filter((file) => file !== undefined);
  if (!isGiven(line, "json")) {
    if (written.length > 0) terminal.print(` ${terminal.view.colours.dim(`written: ${written.join(", ")}`)}`);
    terminal.print(` ${terminal.view.colours.dim(`experiment ${id}`)}`, "");
  }
}

/** Refused before anything is computed. */
export function checkFiles(line: CommandLine): void {
  for (const [flag, formats] of [
    ["out", RESULT_FORMATS],
    ["figure", FIGURE_FORMATS],
  ] as const) {
    const file = flagValue(line, flag);
    if (file !== undefined && !formats.includes(extname(file)))
      throw new UsageError(`--${flag} is ${JSON.stringify(file)}; it must end in ${formats.join(", ")}.`);
  }
}
