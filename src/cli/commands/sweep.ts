import type { MetaEvent, ResultEvent } from "../../schemas/events.ts";
import type { Command } from "../command.ts";
import { isGiven } from "../flags.ts";
import { doneLine } from "../render/summary.ts";
import { sweepLines } from "../render/sweep-chart.ts";
import { PROMPT_FLAGS, sweepRequest } from "../run-request.ts";
import { PROMPT_FIELDS } from "../said.ts";
import { SERVICE_FLAGS, withService } from "../service.ts";

export const sweepCommand: Command = {
  name: "sweep",
  operand: '"PROMPT"',
  summary: "Delete every layer and swap every two neighbours, in one pass: bars of what it does",
  flags: {
    Run: PROMPT_FLAGS,
    Output: { json: { help: "The events themselves, one JSON object a line" } },
    Service: SERVICE_FLAGS,
  },
  example: 'stratascope sweep "She opened the door and looked into the"',
  fields: () => PROMPT_FIELDS,
  async run(line, terminal) {
    const request = sweepRequest(line);
    await withService(line, async (client) => {
      let meta: MetaEvent | undefined;
      let result: ResultEvent | undefined;
      let finished = 0;
      for await (const event of client.run(request)) {
        if (isGiven(line, "json")) terminal.print(JSON.stringify(event));
        else if (event.type === "meta") meta = event;
        else if (event.type === "layer") terminal.progress(++finished, meta?.variants.length ?? 0);
        else if (event.type === "result") result = event;
        else if (event.type === "done" && meta && result) {
          terminal.clearProgress();
          terminal.print("", ...sweepLines(meta, result, terminal.view), "", doneLine(event, terminal.view), "");
        }
      }
    });
  },
};
