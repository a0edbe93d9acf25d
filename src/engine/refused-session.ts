/** Why a model's session could not be created, for whoever asked for the model. */
import { basename } from "node:path";
import { Problem } from "../problem.ts";
import { type Device, isGpu } from "./devices/device.ts";
import { reasonOf } from "./devices/providers.ts";

/** onnxruntime takes no weights from a file that has another name, and says so of the first tensor that it looks at. */
const HARD_LINKED = /should be stored in (\S.*?), but it has multiple hard links/;

/** `model_invalid`, with what can be said of it: what onnxruntime says of a file names places of this machine. */
export function refusedSession(id: string, device: Device, error: unknown): Problem {
  const linked = HARD_LINKED.exec(String(error))?.[1];
  if (linked !== undefined)
    return new Problem(
      "model_invalid",
      `The model ${id} cannot be used. ${basename(linked)} has another hard link, and onnxruntime refuses such files: give the model a copy of its own, or a symbolic link.`,
    );
  const detail = isGpu(device)
    ? `The model ${id} could not be loaded on ${device}: ${reasonOf(error)}`
    : `The model ${id} was refused when its session was created; the engine's log has the details.`;
  return new Problem("model_invalid", detail);
}
