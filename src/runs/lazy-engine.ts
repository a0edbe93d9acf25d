/** An engine whose client is imported with the first need: the service answers before it. */
import type { Engine, EngineStatus } from "../engine/protocol.ts";

/** `make` is called once; `device`: where that engine will run models. */
export function lazyEngine(device: string, make: () => Promise<Engine>): Engine {
  const stopped: EngineStatus = { state: "stopped", pid: null, restarts: 0, models: [], stats: null, device };
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
    census: async (job, signal) => (await get()).census(job, signal),
    load: async (model) => (await get()).load(model),
    unload: async (model) => (await get()).unload(model),
    status: () => made?.status() ?? stopped,
    stop: async () => (await making)?.stop(),
  };
}
