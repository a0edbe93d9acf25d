import type { RunEvent } from "../../schemas/events.ts";
import type { RunRequestInput } from "../../schemas/run-request.ts";
import type { Client } from "../client.ts";
import type { Command } from "../command.ts";
import { isGiven } from "../flags.ts";
import { INTERVENTION_FLAGS } from "../interventions.ts";
import { type RunTable, runTable } from "../render/run-table.ts";
import { doneLine, resultLines, targetLines } from "../render/summary.ts";
import { PROMPT_FLAGS, READOUT_FLAGS, runFields, runRequest } from "../run-request.ts";
import { SERVICE_FLAGS, withService } from "../service.ts";
import type { Terminal } from "../terminal.ts";

export const runCommand: Command = {
  name: "run",
  operand: '"PROMPT"',
  summary: "Run a prompt under an intervention: a table that fills as layers arrive",
  flags: {
    Interventions: INTERVENTION_FLAGS,
    "Read-out": { ...PROMPT_FLAGS, ...READOUT_FLAGS },
    Output: { json: { help: "The events themselves, one JSON object a line" } },
    Service: SERVICE_FLAGS,
  },
  example: 'stratascope run "It was the best of" --delete 5 --ablate-head 1.3',
  fields: runFields,
  async run(line, terminal) {
    const request = runRequest(line);
    await withService(line, async (client) => {
      if (!isGiven(line, "json")) return showRun(client, request, terminal);
      for await (const event of client.run(request)) terminal.print(JSON.stringify(event));
    });
  },
};

/** Runs `request` and draws its table as the events come. */
export async function showRun(client: Client, request: RunRequestInput, terminal: Terminal): Promise<void> {
  let table: RunTable | undefined;
  let meta: Extract<RunEvent, { type: "meta" }> | undefined;
  try {
    for await (const event of client.run(request)) {
      if (event.type === "meta") {
        meta = event;
        table = runTable(event, terminal.view, request.capture?.includes("norms") ?? true, request.readout?.targets);
        terminal.print("", ...table.head);
      } else if (event.type === "layer") {
        const lines = table?.add(event) ?? [];
        if (lines.length > 0) terminal.print(...lines);
      } else if (event.type === "result" && meta) {
        const lines = [...resultLines(meta, event, terminal.view), ...targetLines(event, terminal.view)];
        terminal.print("", ...(table?.notes() ?? []), ...lines);
      } else if (event.type === "done") {
        terminal.print(doneLine(event, terminal.view), "");
      }
    }
  } catch (error) {
    terminal.print(...(table?.rest() ?? []));
    throw error;
  }
}
