/** An engine whose client is imported with the first need: the service answers before it. */
import type { Engine, EngineStatus } from "../engine/protocol.ts";

const STOPPED: EngineStatus = { state: "stopped", pid: null, restarts: 0, models: [], stats: null, device: null };

/** `make` is called once. */
export function lazyEngine(make: () => Promise<Engine>): Engine {
  let made: Engine | null = null;
  let making: Promise<Engine> | null = null;
  const get = (): Promise<Engine> => {
    making ??= make().then((engine) => {
      made = engine;
      return engine;
    });
    return making;
  };
  return {
    async *run(job, signal) {
      yield* (made ?? (await get())).run(job, signal);
    },
    load: async (model) => (await get()).load(model),
    unload: async (model) => (await get()).unload(model),
    status: () => made?.status() ?? STOPPED,
    stop: async () => (await making)?.stop(),
  };
}
