/** A service in this process, on a free port of the loopback interface, for as long as one command takes. */
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createApp } from "../app.ts";
import { type Config, readConfig } from "../config.ts";
import { createEngine } from "../engine/client.ts";
import { chooseDevice } from "../engine/devices/device.ts";
import { processOptions } from "../engine/options.ts";
import { listen } from "../listen.ts";
import { shippedFolder } from "./shipped.ts";

export interface LocalService {
  readonly url: string;
  /** Known to this process alone. */
  readonly key: string;
  stop(): Promise<void>;
}

/**
 * Starts it as the environment says, but for its address and its key. `keeps`: what it writes stays in DATA_DIR, as
 * experiments do; otherwise the logs of its runs go with it.
 */
export async function startLocalService(keeps: boolean): Promise<LocalService> {
  const key = randomUUID();
  const read = readConfig();
  const dataDir = keeps ? read.dataDir : await mkdtemp(join(tmpdir(), "stratascope-"));
  const config: Config = {
    ...read,
    host: "127.0.0.1",
    port: 0,
    apiKeys: [key],
    dataDir,
    ...(keeps ? {} : { databaseUrl: null }),
    modelsDir: shippedFolder("models", read.modelsDir),
    datasetsDir: shippedFolder("datasets", read.datasetsDir),
  };
  const engine = createEngine({
    ...processOptions(config, (await chooseDevice(config.device)).device),
    idleSeconds: null,
    log: () => {},
  });
  const { app, services } = createApp({ config, engine });
  const server = await listen((request, bindings) => app.fetch(request, bindings), config);
  return {
    url: `http://127.0.0.1:${server.port}`,
    key,
    async stop() {
      await server.stop(true);
      await services.leave();
      await services.close();
      await engine.stop();
      if (!keeps) await rm(dataDir, { recursive: true, force: true });
    },
  };
}
