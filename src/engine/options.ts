/** How the engine process is started: plain data, handed to it as its first argument. */
import type { Device } from "./devices/device.ts";
import type { HalfMode, WeightMode } from "./session.ts";

export interface ProcessOptions {
  readonly modelsDir: string;
  /** Where the hub's clients keep their models; null: nowhere. */
  readonly hubCache: string | null;
  readonly device: Device;
  /** Threads of a session; null: one per core. */
  readonly threads: number | null;
  readonly weights: WeightMode;
  /** What becomes of half-type weights: float32 copies (fold), or casts in every call (keep). */
  readonly halfPrecision: HalfMode;
  /** Of weights and buffers, all models together. */
  readonly memoryBytes: number;
  /** Of streams of recent prompts, for each model; 0: none are kept. */
  readonly promptMemoryBytes: number;
}

/** The settings of the service that concern the engine. */
interface Settings extends Pick<ProcessOptions, "modelsDir" | "threads" | "weights" | "halfPrecision" | "promptMemoryBytes"> {
  readonly hub: { readonly cacheDir: string };
  readonly modelMemoryBytes: number;
}

/** What of the configuration the engine process is told. */
export function processOptions(settings: Settings, device: Device): ProcessOptions {
  const { modelsDir, hub, threads, weights, halfPrecision, modelMemoryBytes, promptMemoryBytes } = settings;
  const hubCache = hub.cacheDir;
  return { modelsDir, hubCache, device, threads, weights, halfPrecision, memoryBytes: modelMemoryBytes, promptMemoryBytes };
}
