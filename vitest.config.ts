import { existsSync } from "node:fs";
import { defineConfig } from "vitest/config";

/** A Vulkan driver for the WebGPU tests: one that is chosen, or the program that plays a GPU in Debian's chromium-common. */
const chosen = process.env.VK_DRIVER_FILES ?? process.env.VK_ICD_FILENAMES;
const driver = [chosen, "/usr/lib/chromium/vk_swiftshader_icd.json"].find((file) => file && existsSync(file));

if (!driver)
  console.warn("The tests over WebGPU are skipped: no Vulkan driver (Debian: apt-get install chromium-common libvulkan1).");

const cpu = { extends: true, test: { name: "cpu", include: ["test/**/*.test.ts"], exclude: ["test/webgpu/**"] } } as const;
const webgpu = {
  extends: true,
  test: {
    name: "webgpu",
    // What every device must compute, and what only this one does.
    include: [
      "test/engine/golden.test.ts",
      "test/engine/operations.test.ts",
      "test/server/golden.test.ts",
      "test/webgpu/**/*.test.ts",
    ],
    testTimeout: 180_000,
    hookTimeout: 180_000,
    env: { TEST_DEVICE: "webgpu", VK_DRIVER_FILES: driver ?? "", VK_ICD_FILENAMES: driver ?? "" },
  },
} as const;

/** Over HTTP once more with half types kept half, which a small model's service would fold. */
const half = {
  extends: true,
  test: {
    name: "half",
    include: ["test/server/golden.test.ts", "test/server/operations.test.ts"],
    env: { TEST_WEIGHTS: "mapped", TEST_HALF: "keep" },
  },
} as const;

export default defineConfig({
  test: {
    // onnxruntime aborts the process when a worker thread ends: every file gets a process of its own.
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    teardownTimeout: 20_000,
    env: { NO_COLOR: "1" },
    projects: driver ? [cpu, half, webgpu] : [cpu, half],
  },
});
