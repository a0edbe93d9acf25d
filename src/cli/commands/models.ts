import type { Command } from "../command.ts";
import { isGiven } from "../flags.ts";
import { modelTable } from "../render/models.ts";
import { SERVICE_FLAGS, withService } from "../service.ts";

export const modelsCommand: Command = {
  name: "models",
  summary: "List the models that can be served",
  flags: { Output: { json: { help: "As the service says it" } }, Service: SERVICE_FLAGS },
  async run(line, terminal) {
    await withService(line, async (client) => {
      const models = await client.models();
      terminal.print(...(isGiven(line, "json") ? [JSON.stringify({ models }, null, 2)] : modelTable(models, terminal.view)));
    });
  },
};
