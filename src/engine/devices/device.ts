/**
 * Which device the models run on. A device that is asked for by name is tried and never replaced; `auto` takes the
 * first of cuda, webgpu and cpu that is really there. A device is tried in a process of its own: what a driver may do
 * to it (aborts included) stays there, and this process need not load onnxruntime.
 */
import { existsSync, readdirSync } from "node:fs";
import { cudaProvider } from "./cuda.ts";
import { runTrial } from "./trial.ts";

export const DEVICES = ["cpu", "webgpu", "cuda"] as const;
export type Device = (typeof DEVICES)[number];
export type DeviceSetting = "auto" | Device;

/** Whether weights lie in another memory than the CPU's. Absent: the CPU. */
export function isGpu(device: Device | undefined): boolean {
  return device !== undefined && device !== "cpu";
}

export interface DeviceChoice {
  readonly device: Device;
  /** In words: what was found, and with `auto` why nothing faster was taken. */
  readonly detail: string;
}

/** A device that was asked for by name cannot be used. */
export class DeviceError extends Error {
  override readonly name = "DeviceError";
}

/** Vulkan devices that are programs, by the names that their drivers give them. */
const SOFTWARE_ADAPTER = /swiftshader|llvmpipe|lavapipe|softpipe|basic render/i;

/** What a trial of a device came to. */
export interface Probe {
  readonly usable: boolean;
  /** Why it cannot be used, or what it is. */
  readonly detail: string;
  /** Whether it is a program that only plays a GPU; null: cannot be told here. */
  readonly software: boolean | null;
}

/** Throws `DeviceError` where a device asked for by name cannot be used. `probe` is for tests. */
export async function chooseDevice(setting: DeviceSetting, probe: typeof probeDevice = probeDevice): Promise<DeviceChoice> {
  if (setting === "cpu") return { device: "cpu", detail: "as asked for" };
  if (setting !== "auto") {
    const { usable, detail } = await probe(setting);
    if (!usable) throw new DeviceError(`DEVICE is "${setting}"; it cannot be used: ${detail}`);
    return { device: setting, detail };
  }
  const against: string[] = [];
  for (const device of ["cuda", "webgpu"] as const) {
    const missing = missingFor(device);
    if (missing) {
      against.push(`${device}: ${missing}`);
      continue;
    }
    const { usable, detail, software } = await probe(device);
    if (usable && software === false) return { device, detail };
    against.push(`${device}: ${usable ? `${detail}, which auto does not take` : detail}`);
  }
  return { device: "cpu", detail: against.join("; ") };
}

/** What rules a GPU out at a glance, so that a machine without one starts as fast as ever; null: it must be tried. */
function missingFor(device: "webgpu" | "cuda"): string | null {
  if (device === "cuda") return cudaProvider().missing;
  if (process.platform !== "linux") return null;
  return hasGpuNode() ? null : "no GPU's device file under /dev";
}

/** Drivers of GPUs on Linux put a file here: /dev/dri/renderD128 (Mesa), /dev/nvidia0, /dev/dxg (WSL), /dev/mali0, /dev/kgsl-3d0. */
function hasGpuNode(): boolean {
  if (["/dev/nvidia0", "/dev/dxg", "/dev/mali0", "/dev/kgsl-3d0"].some((path) => existsSync(path))) return true;
  try {
    return readdirSync("/dev/dri").some((name) => name.startsWith("renderD"));
  } catch {
    return false;
  }
}

/** Computes something small on the device, in a process of its own. */
export async function probeDevice(device: "webgpu" | "cuda"): Promise<Probe> {
  const missing = device === "cuda" ? cudaProvider().missing : null;
  if (missing) return { usable: false, detail: missing, software: null };
  const { code, stdout, stderr } = await runTrial(device);
  const answer = lastLine(stdout);
  if (code !== 0 || !answer)
    return { usable: false, detail: `the trial of it ended with ${code ?? "a signal"}: ${lastLine(stderr)}`, software: null };
  const { error } = JSON.parse(answer) as { error: string | null };
  if (error !== null) return { usable: false, detail: error, software: null };
  if (device === "cuda") return { usable: true, detail: "NVIDIA CUDA", software: false };
  return adapter(stderr);
}

/** What the Vulkan loader's log says of the adapters. Metal has none in software; of Direct3D nothing is known. */
export function adapter(loaderLog: string, platform: string = process.platform): Probe {
  if (platform !== "linux") {
    const metal = platform === "darwin";
    return { usable: true, detail: metal ? "a Metal adapter" : "an adapter of unknown nature", software: metal ? false : null };
  }
  const names = [...new Set([...loaderLog.matchAll(/^\D*\[\d+\] (.+?)\s*$/gm)].map(([, name]) => name as string))];
  if (names.length === 0) return { usable: true, detail: "an adapter without a name", software: null };
  const real = names.filter((name) => !SOFTWARE_ADAPTER.test(name));
  // Dawn takes a GPU before a program that plays one.
  return real.length > 0
    ? { usable: true, detail: real.join(" or "), software: false }
    : { usable: true, detail: `${names.join(" or ")}, a software adapter`, software: true };
}

function lastLine(text: string): string {
  return text.trimEnd().split("\n").at(-1)?.trim() ?? "";
}
