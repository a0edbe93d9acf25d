import type { Experiment } from "../../schemas/experiments/experiment.ts";
import type { Command } from "../command.ts";
import { type ExperimentsClient, experimentsOf } from "../experiments-client.ts";
import { type CommandLine, isGiven } from "../flags.ts";
import { experimentList } from "../render/experiment-list.ts";
import { SERVICE_FLAGS, withService } from "../service.ts";
import type { Terminal } from "../terminal.ts";
import { UsageError } from "../usage-error.ts";
import { checkFiles, RESULT_FLAGS, showExperiment } from "./experiment.ts";

const ACTIONS = ["list", "show", "resume", "cancel", "remove"] as const;
type Action = (typeof ACTIONS)[number];

export const experimentsCommand: Command = {
  name: "experiments",
  operand: "[ACTION ID]",
  summary: "Experiments there are: list them, show one with its numbers, go on with one, end one",
  notes: [
    "Actions:",
    "  list       all of them, the newest first: what is done when nothing is said; takes no ID",
    "  show ID    its numbers; one that has not ended is followed to its end",
    "  resume ID  goes on with one that failed or was cancelled, from where it was",
    "  cancel ID  ends one that goes on; what was computed is kept",
    "  remove ID  deletes it with all it has, and cancels it first where it goes on",
  ],
  flags: { Output: RESULT_FLAGS, Service: SERVICE_FLAGS },
  example: "stratascope experiments show 01k2x3y4z5a6b7c8d9e0f1g2h3 --figure figure.png",
  async run(line, terminal) {
    const [action = "list", id, ...rest] = line.positionals;
    if (!isAction(action)) throw new UsageError(`experiments ${action} is not known; it must be ${ACTIONS.join(", ")}.`);
    if (rest.length > 0 || (action === "list") !== (id === undefined))
      throw new UsageError(`stratascope experiments ${action}${action === "list" ? " takes no id" : " needs one id"}.`);
    checkFiles(line);
    await withService(line, (client) => act(experimentsOf(client), action, id ?? "", line, terminal), true);
  },
};

async function act(client: ExperimentsClient, action: Action, id: string, line: CommandLine, terminal: Terminal): Promise<void> {
  switch (action) {
    case "list":
      return list(client, line, terminal);
    case "show":
      return show(client, await client.get(id), line, terminal);
    case "resume": {
      const { events } = await client.get(id);
      await client.resume(id);
      return showExperiment(client, id, line, terminal, events);
    }
    case "cancel":
    case "remove":
      return end(client, action, id, terminal);
  }
}

async function list(client: ExperimentsClient, line: CommandLine, terminal: Terminal): Promise<void> {
  const all: Experiment[] = [];
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page = await client.list({ limit: "200", ...(cursor && { cursor }) });
    all.push(...page.experiments);
    cursor = page.next;
  }
  terminal.print(
    ...(isGiven(line, "json") ? [JSON.stringify({ experiments: all }, null, 2)] : experimentList(all, terminal.view)),
  );
}

/** One that has not ended is followed; of one that failed, how. */
async function show(client: ExperimentsClient, experiment: Experiment, line: CommandLine, terminal: Terminal): Promise<void> {
  const { id, state, error } = experiment;
  if (state !== "failed" && state !== "cancelled") return showExperiment(client, id, line, terminal);
  if (isGiven(line, "json")) return terminal.print(JSON.stringify(experiment, null, 2));
  terminal.print(...experimentList([experiment], terminal.view), "", ` ${error?.detail ?? state}`, "");
  terminal.print(` ${terminal.view.colours.dim(`to go on: stratascope experiments resume ${id}`)}`);
}

async function end(client: ExperimentsClient, action: "cancel" | "remove", id: string, terminal: Terminal): Promise<void> {
  const { finished_at, state } = await client.get(id);
  if (action === "cancel" && finished_at !== null)
    throw new UsageError(`The experiment is ${state}: there is nothing to cancel.`);
  await client.remove(id);
  if (action === "remove" && finished_at === null) await client.remove(id);
  terminal.print(action === "cancel" ? "Cancelled." : "Removed.");
}

function isAction(name: string): name is Action {
  return (ACTIONS as readonly string[]).includes(name);
}
