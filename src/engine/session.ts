/** ONNX Runtime sessions, created one way for the whole project. */
import { InferenceSession } from "onnxruntime-node";
import type { Device } from "./devices.ts";
import { providersOf } from "./providers.ts";

export type WeightMode = "packed" | "mapped";

export interface SessionOptions {
  /** Absent: the CPU. */
  readonly device?: Device;
  /** Threads of the session's own pool; null: one per core. */
  readonly threads: number | null;
  /** `packed`: a private, reordered copy of the weights, faster for small batches; `mapped`: the file's pages. */
  readonly weights: WeightMode;
}

/**
 * A session for a model given as bytes. `fold`: half types are unfolded to float32 once, when it is created; where
 * all weights are float32 already nothing is left to optimise, and creating it takes half the time. Weights are looked up from "/", which lets a location be any real path
 * (relative folders and symlinks of the hub's cache are refused otherwise). Blocks the event loop while it loads.
 */
export function createSession(model: Uint8Array, options: SessionOptions, fold = true): Promise<InferenceSession> {
  return InferenceSession.create(model, {
    executionProviders: providersOf(options.device ?? "cpu"),
    graphOptimizationLevel: fold ? "basic" : "disabled",
    executionMode: "sequential",
    intraOpNumThreads: options.threads ?? 0,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
    extra: {
      session: {
        intra_op: { allow_spinning: "0" },
        disable_prepacking: options.weights === "mapped" ? "1" : "0",
        model_external_initializers_file_folder_path: "/",
      },
    },
  } as InferenceSession.SessionOptions);
}
