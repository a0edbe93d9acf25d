import type { Command } from "../command.ts";
import { isGiven } from "../flags.ts";
import { type PatchMap, patchMap } from "../render/patch-map.ts";
import { doneLine } from "../render/summary.ts";
import { PATCH_FIELDS, PATCH_FLAGS, PROMPT_FLAGS, patchRequest } from "../run-request.ts";
import { SERVICE_FLAGS, withService } from "../service.ts";

export const patchCommand: Command = {
  name: "patch",
  operand: '"PROMPT"',
  summary: "Put in another prompt's values, one layer and place at a time: a map of which of them matter",
  flags: {
    Patch: PATCH_FLAGS,
    Run: PROMPT_FLAGS,
    Output: { json: { help: "The events themselves, one JSON object a line" } },
    Service: SERVICE_FLAGS,
  },
  example:
    'stratascope patch "She opened the door and looked into the" --source "He climbed the hill and looked at the" --targets " room, sky"',
  fields: () => PATCH_FIELDS,
  async run(line, terminal) {
    const request = patchRequest(line);
    await withService(line, async (client) => {
      let map: PatchMap | undefined;
      let finished = 0;
      for await (const event of client.run(request)) {
        if (isGiven(line, "json")) terminal.print(JSON.stringify(event));
        else if (event.type === "meta") {
          map = patchMap(event, terminal.view);
          terminal.print("", ...map.head);
        } else if (event.type === "layer") {
          const lines = map?.add(event) ?? [];
          terminal.clearProgress();
          if (lines.length > 0) terminal.print(...lines);
          terminal.progress(++finished, map?.cells ?? 0);
        } else if (event.type === "result") {
          terminal.clearProgress();
          terminal.print("", ...(map?.summary(event) ?? []));
        } else if (event.type === "done") terminal.print(doneLine(event, terminal.view), "");
      }
    });
  },
};
