/** ONNX Runtime sessions, created one way for the whole project. */
import { InferenceSession } from "onnxruntime-node";
import type { Device } from "./devices/device.ts";
import { providersOf } from "./devices/providers.ts";

export type WeightMode = "packed" | "mapped";

/** What becomes of half-type weights: `fold`: float32 copies, made once; `keep`: cast in every call; `auto`: what fits. */
export type HalfMode = "auto" | "fold" | "keep";

/** How half-type weights are held; null: there are none. */
export type HalfHeld = "kept" | "folded" | null;

export interface SessionOptions {
  /** Absent: the CPU. */
  readonly device?: Device;
  /** Threads of the session's own pool; null: one per core. */
  readonly threads: number | null;
  /** `packed`: a private, reordered copy of the weights, faster for small batches; `mapped`: the file's pages. */
  readonly weights: WeightMode;
}

/** What a model is loaded with: the settings, and what `memory.ts` makes of them for it. */
export interface LoadOptions extends SessionOptions {
  readonly half: HalfHeld;
}

/**
 * A session for a model given as bytes. Casts of half types are folded once, when it is created; where there are none,
 * or where they are to run in every call, nothing is left to optimise, and creating it takes half the time. Weights are
 * looked up from "/", which lets a location be any real path (relative folders and symlinks of the hub's cache are
 * refused otherwise). `kept`: outputs that stay on the device (WebGPU only). Blocks the event loop while it loads.
 */
export function createSession(
  model: Uint8Array,
  { device, threads, weights, half }: LoadOptions,
  kept: readonly string[] = [],
): Promise<InferenceSession> {
  return InferenceSession.create(model, {
    executionProviders: providersOf(device ?? "cpu"),
    graphOptimizationLevel: half === "folded" ? "basic" : "disabled",
    executionMode: "sequential",
    // A pattern would reserve room for all of a call's casts at once (measured: 110 MB for 30 blocks of 576).
    enableMemPattern: half !== "kept",
    intraOpNumThreads: threads ?? 0,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
    ...(kept.length > 0 && { preferredOutputLocation: Object.fromEntries(kept.map((name) => [name, "gpu-buffer"])) }),
    extra: {
      session: {
        intra_op: { allow_spinning: "0" },
        disable_prepacking: weights === "mapped" ? "1" : "0",
        model_external_initializers_file_folder_path: "/",
      },
    },
  } as InferenceSession.SessionOptions);
}
