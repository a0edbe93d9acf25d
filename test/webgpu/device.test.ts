/** The device as the engine reports it, and what a GPU does not promise: the same last bits in any company. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readConfig } from "../../src/config.ts";
import { createEngine } from "../../src/engine/client.ts";
import { chooseDevice, type Device } from "../../src/engine/devices/device.ts";
import { QUERY_BLOCK } from "../../src/engine/graph/attention.ts";
import { processOptions } from "../../src/engine/options.ts";
import { jobOf, layers, loadForTest, range, result, runJob, runJobs, scheduleOf, type TestModel } from "../support/engine.ts";
import { CHECKPOINTS } from "../support/fixtures.ts";
import { relativeError } from "../support/reference.ts";

describe("in company", () => {
  let model: TestModel;
  beforeAll(async () => {
    model = await loadForTest(`${CHECKPOINTS}/llama`);
  });
  afterAll(() => model.close());

  test("a row's numbers are the same to five digits, whoever runs beside it", async () => {
    const L = model.spec.nLayers;
    const schedules = [
      scheduleOf("baseline", range(L)),
      ...range(L).map((i) =>
        scheduleOf(
          `without ${i}`,
          range(L).filter((b) => b !== i),
        ),
      ),
    ];
    const tokens = range(11).map((i) => (i * 31) % 300);
    const alone = await runJob(model, { tokens, capture: ["residuals"] });
    const spec = { tokens, schedules, capture: ["residuals"] } as const;
    const others = range(3).map((i) => jobOf(model, { tokens: range(17 + i).map((j) => (j * 13 + i) % 300), schedules }));
    const [beside] = (await runJobs(model, [jobOf(model, spec), ...others])) as [typeof alone];
    for (const [step, layer] of layers(alone).entries()) {
      const other = layers(beside)[step];
      expect(relativeError(other?.residual as Float32Array, layer.residual as Float32Array)).toBeLessThan(1e-5);
      expect(other?.readout?.topIds.slice(0, 1)).toEqual(layer.readout?.topIds.slice(0, 1));
    }
    expect(result(beside).variants).toHaveLength(schedules.length);
  });

  test("a prompt of several blocks of queries has the numbers of one that shows its patterns, to five digits", async () => {
    const tokens = range(model.spec.contextLength).map((i) => (i * 31) % 300);
    expect(tokens.length).toBeGreaterThan(QUERY_BLOCK);
    const plain = layers(await runJob(model, { tokens, capture: ["residuals"] }));
    const whole = layers(await runJob(model, { tokens, capture: ["residuals", "patterns"] }));
    for (const [step, layer] of plain.entries())
      expect(relativeError(layer.residual as Float32Array, whole[step]?.residual as Float32Array)).toBeLessThan(1e-5);
  });
});

test("the engine's process runs there, and says so; a device that is not there fails with the model, by name", async () => {
  const { device } = await chooseDevice("webgpu");
  const options = (on: Device) => ({
    ...processOptions(readConfig({ MODELS_DIR: CHECKPOINTS }), on),
    idleSeconds: null,
    log: () => {},
  });
  const engine = createEngine(options(device));
  try {
    expect(engine.status().device).toBe("webgpu");
    expect(await engine.load("pythia")).toMatchObject({ state: "ready", device: "webgpu", precision: "float32" });
  } finally {
    await engine.stop();
  }
  const other = createEngine(options("cuda"));
  try {
    await expect(other.load("pythia")).rejects.toThrow(/^The model pythia could not be loaded on cuda: .*CUDA/i);
  } finally {
    await other.stop();
  }
});
