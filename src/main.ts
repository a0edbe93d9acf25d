/** The service: reads the configuration, listens, and ends well. */
import { createApp } from "./app.ts";
import { ConfigError, readConfig } from "./config.ts";
import { chooseDevice, DeviceError } from "./engine/devices/device.ts";
import { processOptions } from "./engine/options.ts";
import { listen } from "./listen.ts";
import { createLog } from "./log.ts";
import { lazyEngine } from "./runs/lazy-engine.ts";
import { DatabaseUnavailable } from "./store/database.ts";

/** How long connections get to close once the last run has ended. */
const CLOSE_MS = 1000;

async function main(): Promise<void> {
  const config = readConfig();
  const log = createLog(config.logLevel);
  const { device, detail } = await chooseDevice(config.device);
  log.info("device", { device, detail });
  const engine = lazyEngine(device, async () => {
    const { createEngine } = await import("./engine/client.ts");
    return createEngine({
      ...processOptions(config, device),
      idleSeconds: config.engineIdleSeconds,
      log: (line) => log.info(line, { from: "engine" }),
    });
  });
  const { app, services } = createApp({ config, engine, log });
  await services.store.verify();
  const server = await listen((request, bindings) => app.fetch(request, bindings), config);
  const shown = config.host.includes(":") ? `[${config.host}]` : config.host;
  process.stdout.write(`Stratascope listens on http://${shown}:${server.port}\n`);
  setTimeout(
    () => void services.open().catch((error: unknown) => log.warn("not all could be taken up", { error: String(error) })),
    500,
  );

  /** What runs may end; then everything is closed. A second signal does not wait. */
  const shutDown = async (signal: string): Promise<void> => {
    if (services.draining) process.exit(1);
    services.draining = true;
    services.models.stop();
    log.info("draining", { signal, active: services.runs.active });
    await Promise.all([services.runs.drain(config.drainSeconds * 1000), services.leave()]);
    await Promise.race([server.stop(false), new Promise((resolve) => setTimeout(resolve, CLOSE_MS))]);
    await Promise.race([server.stop(true), new Promise((resolve) => setTimeout(resolve, CLOSE_MS))]);
    await services.close();
    await engine.stop();
    process.exit(0);
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => void shutDown(signal));
}

main().catch((error: unknown) => {
  const known =
    error instanceof ConfigError ||
    error instanceof DeviceError ||
    error instanceof DatabaseUnavailable ||
    (error as { code?: string }).code === "EADDRINUSE";
  process.stderr.write(`${known ? (error as Error).message : ((error as Error).stack ?? String(error))}\n`);
  process.exit(1);
});
