/** Run as a process of its own by `trial.ts`: tries the device named by its argument, and says how that went. */
import { InferenceSession, Tensor } from "onnxruntime-node";
import { encodeModel, FLOAT, Graph, Names } from "../graph/onnx.ts";
import type { Device } from "./device.ts";
import { providersOf, reasonOf } from "./providers.ts";

/** 2 + 2 on the device: null, or what went wrong. */
async function tryDevice(device: Device): Promise<string | null> {
  const graph = new Graph("probe", new Names());
  graph.input("x", FLOAT, ["n"]);
  graph.ops("Add", ["x", "x"], ["y"]);
  graph.output("y", FLOAT, ["n"]);
  try {
    const session = await InferenceSession.create(encodeModel(graph), {
      executionProviders: providersOf(device),
      logSeverityLevel: 4,
    });
    const { y } = await session.run({ x: new Tensor("float32", Float32Array.of(2), [1]) });
    return y?.data[0] === 4 ? null : `2 + 2 came out as ${y?.data[0]}`;
  } catch (error) {
    return reasonOf(error);
  }
}

process.stdout.write(`${JSON.stringify({ error: await tryDevice(process.argv[2] as Device) })}\n`);
