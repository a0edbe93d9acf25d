/** What this run of the tests is for: see the projects of vitest.config.ts. */
import type { Device } from "../../src/engine/devices/device.ts";

/** The device that models run on. */
export const TEST_DEVICE = (process.env.TEST_DEVICE ?? "cpu") as Device;

/** How a service holds weights, as its environment says it; what is not said is left to the service. */
export const TEST_WEIGHTS: Readonly<Record<string, string>> = {
  ...(process.env.TEST_WEIGHTS && { WEIGHTS: process.env.TEST_WEIGHTS }),
  ...(process.env.TEST_HALF && { HALF_PRECISION: process.env.TEST_HALF }),
};
