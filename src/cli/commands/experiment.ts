import { existsSync } from "node:fs";
import { dirname, extname } from "node:path";
import type { ExperimentEvent } from "../../schemas/experiments/events.ts";
import { EXPERIMENT_KINDS, type ExperimentKind } from "../../schemas/experiments/settings.ts";
import type { Command } from "../command.ts";
import { experimentBody, experimentFields, SETTING_FLAGS, TEXT_FLAGS, textFlagsOf } from "../experiment-request.ts";
import { type ExperimentsClient, experimentsOf } from "../experiments-client.ts";
import { type CommandLine, type Flags, flagValue, isGiven } from "../flags.ts";
import { followExperiment } from "../follow-experiment.ts";
import { exampleOf, kindLines, noteLines, settingLines } from "../kind-help.ts";
import { summaryLines } from "../render/experiment-summary.ts";
import { experimentTable } from "../render/experiment-table.ts";
import { SERVICE_FLAGS, withService } from "../service.ts";
import type { Terminal } from "../terminal.ts";
import { UsageError } from "../usage-error.ts";

const RESULT_FORMATS = [".json", ".csv", ".parquet"];
const FIGURE_FORMATS = [".svg", ".png"];

/** What is written when it is completed. */
export const RESULT_FLAGS = {
  out: { value: "FILE", help: `The numbers: ${RESULT_FORMATS.join(", ")}` },
  table: { value: "NAME", help: "Another table in the place of the result: neurons of a census, tokens of variants" },
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
    const kind = kindOf(operands);
    return kind ? [...settingLines(kind), ...noteLines(kind), "", KEPT] : null;
  },
  flagsOn(operands) {
    const kind = kindOf(operands);
    return kind
      ? { Texts: textFlagsOf(kind), Settings: SETTING_FLAGS, Output: resultFlagsOf(kind), Service: SERVICE_FLAGS }
      : null;
  },
  exampleOn(operands) {
    const kind = kindOf(operands);
    return kind ? exampleOf(kind) : null;
  },
  flags: { Texts: TEXT_FLAGS, Settings: SETTING_FLAGS, Output: RESULT_FLAGS, Service: SERVICE_FLAGS },
  example: "stratascope experiment layer-interventions --texts 16 --tokens 64 --out result.parquet --figure figure.svg",
  fields: experimentFields,
  async run(line, terminal) {
    const body = experimentBody(line);
    checkFiles(line, body.kind);
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

function kindOf(operands: readonly string[]): ExperimentKind | undefined {
  return EXPERIMENT_KINDS.find((each) => operands.includes(each));
}

/** Only activations write files, and have no figure; only some have another table. */
function resultFlagsOf(kind: ExperimentKind): Flags {
  const { figure, files, table, ...others } = RESULT_FLAGS;
  const tables = { "neuron-census": "neurons", variants: "tokens" }[kind as string];
  return {
    ...others,
    ...(tables && { table: { ...table, help: `Another table in the place of the result: ${tables}` } }),
    ...(kind === "activations" ? { files } : { figure }),
  };
}

/** Follows an experiment to its end, by its events after number `after`, and shows what came of it. */
export async function showExperiment(
  client: ExperimentsClient,
  id: string,
  line: CommandLine,
  terminal: Terminal,
  after = 0,
): Promise<void> {
  const isJson = isGiven(line, "json");
  const each = (event: ExperimentEvent) => terminal.print(JSON.stringify(event));
  await followExperiment(client, id, terminal, { after, ...(isJson && { each }) });
  const result = await client.result(id);
  if (isJson) terminal.print(JSON.stringify({ type: "result", ...result }));
  else terminal.print("", ...experimentTable(result, terminal.view), "", ...summaryLines(result.summary, terminal.view), "");
  const written = await saveAll(client, id, line);
  if (!isJson) {
    if (written.length > 0) terminal.print(` ${terminal.view.colours.dim(`written: ${written.join(", ")}`)}`);
    terminal.print(` ${terminal.view.colours.dim(`experiment ${id}`)}`, "");
  }
}

/** Writes what was asked for; gives the names. */
async function saveAll(client: ExperimentsClient, id: string, line: CommandLine): Promise<string[]> {
  const [out, figure, files] = [flagValue(line, "out"), flagValue(line, "figure"), flagValue(line, "files")];
  const table = encodeURIComponent(flagValue(line, "table") ?? "result");
  if (out !== undefined) await client.save(id, `result?format=${extname(out).slice(1)}&table=${table}`, out);
  if (figure !== undefined) await client.save(id, `figure${extname(figure)}`, figure);
  const saved = files === undefined ? [] : await client.saveFiles(id, files);
  return [...[out, figure].filter((file) => file !== undefined), ...saved];
}

/** Refused before anything is computed. `kind`: where it is known. */
export function checkFiles(line: CommandLine, kind?: string): void {
  if (flagValue(line, "table") !== undefined && flagValue(line, "out") === undefined)
    throw new UsageError("--table says which table --out writes: give it with --out.");
  if (kind === "activations" && flagValue(line, "figure") !== undefined)
    throw new UsageError("--figure: activations have no figure; --files DIR writes them.");
  if (kind !== undefined && kind !== "activations" && flagValue(line, "files") !== undefined)
    throw new UsageError(`--files: ${kind} writes no files beside its numbers; activations do.`);
  for (const [flag, formats] of [
    ["out", RESULT_FORMATS],
    ["figure", FIGURE_FORMATS],
  ] as const) {
    const file = flagValue(line, flag);
    if (file !== undefined && !formats.includes(extname(file)))
      throw new UsageError(`--${flag} is ${JSON.stringify(file)}; it must end in ${formats.join(", ")}.`);
    if (file !== undefined && !existsSync(dirname(file)))
      throw new UsageError(`--${flag} is ${JSON.stringify(file)}; there is no folder ${dirname(file)}.`);
  }
}
