import { describe, expect, test } from "vitest";
import { cudaProvider } from "../../src/engine/devices/cuda.ts";
import { adapter, chooseDevice, DeviceError, type Probe, probeDevice } from "../../src/engine/devices/device.ts";

const LOADER_LOG = `INFO:             Insert instance layer "VK_LAYER_MESA_device_select"
INFO | DRIVER:    linux_read_sorted_physical_devices:
INFO | DRIVER:         Original order:
INFO | DRIVER:               [0] llvmpipe (LLVM 19.1.7, 256 bits)
INFO | DRIVER:               [1] AMD Radeon RX 7600 (RADV NAVI33)
INFO | DRIVER:         Sorted order:
INFO | DRIVER:               [0] AMD Radeon RX 7600 (RADV NAVI33)  
INFO | DRIVER:               [1] llvmpipe (LLVM 19.1.7, 256 bits)  
`;
const GPU: Probe = { usable: true, detail: "a GPU", software: false };

describe("chooseDevice", () => {
  test("a device asked for by name is used, software or not", async () => {
    const software: Probe = { usable: true, detail: "llvmpipe, a software adapter", software: true };
    expect(await chooseDevice("cpu", () => Promise.reject(new Error("nothing is tried")))).toMatchObject({ device: "cpu" });
    expect(await chooseDevice("webgpu", async () => software)).toEqual({ device: "webgpu", detail: software.detail });
    expect(await chooseDevice("cuda", async () => GPU)).toEqual({ device: "cuda", detail: "a GPU" });
  });

  test("one that cannot be used is refused with the reason, never replaced", async () => {
    const unusable: Probe = { usable: false, detail: "no adapter", software: null };
    await expect(chooseDevice("webgpu", async () => unusable)).rejects.toThrow(
      new DeviceError('DEVICE is "webgpu"; it cannot be used: no adapter'),
    );
  });

  test("auto ends on a device that is there, and says why on nothing faster", async () => {
    const { device, detail } = await chooseDevice("auto", async (device) => ({ ...GPU, usable: false, detail: `no ${device}` }));
    expect(device).toBe("cpu");
    expect(detail).toMatch(/^cuda: .+; webgpu: .+$/);
  });
});

describe("adapter", () => {
  test("a GPU counts, whatever stands beside it", () => {
    expect(adapter(LOADER_LOG, "linux")).toEqual({
      usable: true,
      detail: "AMD Radeon RX 7600 (RADV NAVI33)",
      software: false,
    });
  });

  test("programs that play a GPU are told by their names", () => {
    const alone = LOADER_LOG.split("\n")
      .filter((line) => !line.includes("Radeon"))
      .join("\n");
    expect(adapter(alone, "linux")).toEqual({
      usable: true,
      detail: "llvmpipe (LLVM 19.1.7, 256 bits), a software adapter",
      software: true,
    });
    expect(adapter("INFO | DRIVER:               [0] SwiftShader Device (Subzero)\n", "linux").software).toBe(true);
  });

  test("what has no name is not taken for a GPU", () => {
    expect(adapter("error: XDG_RUNTIME_DIR is invalid\n", "linux").software).toBeNull();
    expect(adapter("", "win32").software).toBeNull();
  });
});

describe.runIf(process.platform === "linux")("probeDevice", () => {
  test("cuda without its libraries: their names", async () => {
    const { folder, missing } = cudaProvider("linux", "none");
    expect(folder).toContain("onnxruntime-node");
    expect(missing).toMatch(/^libonnxruntime_providers_shared\.so and libonnxruntime_providers_cuda\.so are not installed/);
  });

  test("webgpu without a driver: what onnxruntime says of it, and this process lives", async () => {
    const before = { ...process.env };
    Object.assign(process.env, { VK_DRIVER_FILES: "/nowhere.json", VK_ICD_FILENAMES: "/nowhere.json" });
    try {
      const { usable, detail } = await probeDevice("webgpu");
      expect(usable).toBe(false);
      expect(detail).toContain("WebGPU adapter");
    } finally {
      for (const name of ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"]) {
        if (before[name] === undefined) delete process.env[name];
        else process.env[name] = before[name];
      }
    }
  });
});
