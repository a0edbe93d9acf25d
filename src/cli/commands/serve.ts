import type { Command } from "../command.ts";

export const serveCommand: Command = {
  name: "serve",
  summary: "Start the service, as the environment says: PORT, HOST, MODELS_DIR and the others of the README",
  flags: {},
  example: "PORT=8080 stratascope serve",
  async run() {
    await import("../../main.ts");
  },
};
