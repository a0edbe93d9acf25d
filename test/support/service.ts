/** A real service in this process: a real engine, and HTTP on a real port. */
import { rmSync } from "node:fs";
import { createApp } from "../../src/app.ts";
import { readConfig } from "../../src/config.ts";
import { createEngine } from "../../src/engine/client.ts";
import { processOptions } from "../../src/engine/options.ts";
import { listen } from "../../src/listen.ts";
import { TEST_DEVICE, TEST_WEIGHTS } from "./device.ts";

export interface TestService {
  readonly url: string;
  /** Ends it, and removes its data. */
  stop(): Promise<void>;
}

/** Starts it over an environment that names DATA_DIR at least, on the device and with the weights that this run of the tests is for. */
export async function startService(environment: { readonly DATA_DIR: string } & Record<string, string>): Promise<TestService> {
  const config = readConfig({ PORT: "0", ...TEST_WEIGHTS, ...environment });
  const engine = createEngine({ ...processOptions(config, TEST_DEVICE), idleSeconds: null, log: () => {} });
  const { app, services } = createApp({ config, engine });
  const server = await listen((request, bindings) => app.fetch(request, bindings), config);
  return {
    url: `http://127.0.0.1:${server.port}`,
    async stop() {
      await server.stop(true);
      await services.leave();
      await services.close();
      await engine.stop();
      rmSync(environment.DATA_DIR, { recursive: true });
    },
  };
}
