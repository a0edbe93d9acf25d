/** The libraries of onnxruntime's CUDA provider, which its npm package does not bring along. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const LIBRARIES = ["libonnxruntime_providers_shared.so", "libonnxruntime_providers_cuda.so"];

/** Where onnxruntime looks for them, and what is not there; null: all are. */
export function cudaProvider(
  platform: string = process.platform,
  architecture: string = process.arch,
): { folder: string; missing: string | null } {
  const entry = createRequire(import.meta.url).resolve("onnxruntime-node");
  const folder = join(dirname(entry), "../bin/napi-v6", platform, architecture);
  if (platform !== "linux") return { folder, missing: "the CUDA provider is supported on Linux only" };
  const missing = LIBRARIES.filter((name) => !existsSync(join(folder, name)));
  if (missing.length === 0) return { folder, missing: null };
  return {
    folder,
    missing: `${missing.join(" and ")} ${missing.length === 1 ? "is" : "are"} not installed beside onnxruntime (see docs/devices.md)`,
  };
}
