import type { RunRequestInput } from "../../schemas/run-request.ts";
import { createClient } from "../client.ts";
import type { Command } from "../command.ts";
import { startLocalService } from "../local-service.ts";
import { DEFAULT_MODEL } from "../run-request.ts";
import { showRun } from "./run.ts";

const REQUEST: RunRequestInput = {
  model: DEFAULT_MODEL,
  prompt: "She opened the door and looked into the",
  interventions: [{ op: "delete", layers: [5] }],
};

export const demoCommand: Command = {
  name: "demo",
  summary: "A first look: the service answers, and one prompt runs without one of its layers",
  flags: {},
  async run(_line, { print, view, ...terminal }) {
    const { bold, dim, green } = view.colours;
    const service = await startLocalService(false);
    try {
      const client = createClient(service.url, service.key);
      const health = await client.get("/healthz");
      print("", ` ${dim("$")} ${bold(`curl ${service.url}/healthz`)}`, ` ${green(String(health.status))} ${health.text}`, "");
      print(
        ` ${dim("$")} ${bold(`curl -N ${service.url}/v1/runs -H 'content-type: application/json' \\`)}`,
        ` ${bold(`    -d '${JSON.stringify(REQUEST)}'`)}`,
        ` ${dim("and its stream as a table, line by line as layers arrive:")}`,
      );
      await showRun(client, REQUEST, { ...terminal, print, view });
    } finally {
      await service.stop();
    }
    print(
      ` ${bold("What next")}`,
      `   npm start                                       ${dim("the service on port 3000, its reference at /docs")}`,
      `   npx stratascope run "It was the best of" --swap 2,3`,
      `   npx stratascope sweep "It was the best of"      ${dim("every deletion and swap in one pass")}`,
      "",
    );
  },
};
