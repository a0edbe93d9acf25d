/** Devices as onnxruntime's execution providers. */
import type { InferenceSession } from "onnxruntime-node";
import type { Device } from "./device.ts";

/**
 * The device's own provider first; what it has no kernel for runs on the CPU. onnxruntime throws where the first cannot
 * be used. CUDA: the first device that CUDA_VISIBLE_DEVICES leaves visible.
 */
export function providersOf(device: Device): InferenceSession.ExecutionProviderConfig[] {
  switch (device) {
    case "cpu":
      return ["cpu"];
    case "webgpu":
      return ["webgpu", "cpu"];
    case "cuda":
      return [{ name: "cuda", deviceId: 0 }, "cpu"];
  }
}

/** What onnxruntime says, without the place in its source. */
export function reasonOf(error: unknown): string {
  const text = (error instanceof Error ? error.message : String(error)).trim().split("\n")[0] as string;
  return text.replace(/^.* was false\. /, "").replace(/^\S+\.cc:\d+ \S.*? \S*\) /, "");
}
