import { ConfigReader } from "../engine/checkpoint/config.ts";
import { parseObject } from "../engine/checkpoint/files.ts";
import type { HubName } from "../engine/checkpoint/hub-cache.ts";
import { interpret } from "../engine/checkpoint/interpret.ts";
import { findArchitecture, readSizes } from "../engine/checkpoint/sizes.ts";
import { refused } from "./repository.ts";

/** Throws `model_invalid`, with every reason, where config.json's bytes describe a model that could not be served. */
export function checkConfig(bytes: Uint8Array, name: HubName): void {
  const problems: string[] = [];
  const config = parseObject(bytes, "config.json", problems);
  const architecture = config && findArchitecture(config, problems);
  if (architecture) {
    readSizes(new ConfigReader(config, problems), architecture, problems);
    if (problems.length === 0) interpret(config, null, architecture, problems);
  }
  if (problems.length > 0) throw refused(name, problems.join("; "));
}
