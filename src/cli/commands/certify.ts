import { realpathSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import type { CertifyRequest, Row } from "../../certify/certify.ts";
import { readConfig } from "../../config.ts";
import { findModel, modelId } from "../../engine/checkpoint/catalogue.ts";
import { statOf } from "../../engine/checkpoint/files.ts";
import { chooseDevice } from "../../engine/devices/device.ts";
import { processOptions } from "../../engine/options.ts";
import { Problem } from "../../problem.ts";
import type { Command } from "../command.ts";
import { Failed } from "../failed.ts";
import { flagValue, isGiven, onePositional } from "../flags.ts";
import {
  certificateHead,
  certificateJson,
  certificateVerdict,
  checkingLine,
  groupLine,
  rowLines,
  unknownLines,
} from "../render/certificate.ts";
import { shippedFolder } from "../shipped.ts";
import type { Terminal } from "../terminal.ts";

const EXAMPLE = "certify prose-6m";
const SIGNALS = ["SIGINT", "SIGTERM"] as const;

export const certifyCommand: Command = {
  name: "certify",
  operand: "MODEL",
  summary: "Check what this machine computes of a model: laws, read-outs, settings, a reference",
  notes: [
    "MODEL is a model of MODELS_DIR or of the hub's cache, or the path of a checkpoint's",
    "folder. It runs as a service would run it: DEVICE, WEIGHTS, HALF_PRECISION count.",
    "docs/certify.md says what each row means, and how to make a reference of any model.",
    "Exit code 0: every check that ran has passed; 1: one failed, or nothing could run.",
  ],
  flags: {
    Checks: {
      reference: { value: "FILE", help: "Also against a safetensors file of what another program computes" },
    },
    Output: { json: { help: "The certificate as one JSON object" } },
  },
  example: `stratascope ${EXAMPLE} --reference models/prose-6m/reference.safetensors`,
  async run(line, terminal) {
    const named = onePositional(line, "The model", EXAMPLE);
    const config = readConfig();
    const modelsDir = shippedFolder("models", config.modelsDir);
    const place = placeOf(named, modelsDir, config.hub.cacheDir);
    const device = await chooseDevice(config.device);
    const options = processOptions({ ...config, modelsDir: place.modelsDir }, device.device);
    const log = (text: string) => {
      if (config.logLevel === "debug") terminal.complain(text);
    };
    const abort = new AbortController();
    const stop = () => abort.abort();
    for (const signal of SIGNALS) process.on(signal, stop);
    try {
      const request = { ...place, options, device, reference: flagValue(line, "reference") ?? null, log };
      const passed = await (isGiven(line, "json") ? writeJson : writeTable)(request, abort.signal, terminal);
      if (!passed) throw new Failed();
    } finally {
      for (const signal of SIGNALS) process.off(signal, stop);
    }
  },
};

/** A served model by its name, or else a folder by its path. Throws `model_not_found`. */
function placeOf(named: string, modelsDir: string, hubCache: string): { model: string; folder: string; modelsDir: string } {
  const model = modelId(named);
  const known = findModel(modelsDir, model, hubCache);
  if (known) return { model, folder: known, modelsDir };
  const path = resolve(named);
  if (statOf(path)?.isDirectory()) {
    const folder = realpathSync(path);
    return { model: basename(folder), folder, modelsDir: dirname(folder) };
  }
  throw new Problem(
    "model_not_found",
    `${JSON.stringify(named)} is no model of ${modelsDir} or of the hub's cache, and no folder. \`stratascope models\` lists the models.`,
  );
}

/** Rows as they come, and what is being checked drawn over on a terminal. Gives whether all have passed. */
async function writeTable(request: CertifyRequest, signal: AbortSignal, terminal: Terminal): Promise<boolean> {
  const rows: Row[] = [];
  const started = performance.now();
  let total = 0;
  let unknown: readonly string[] = [];
  terminal.passing(checkingLine("loading the model", terminal.errorView));
  const { certify } = await import("../../certify/certify.ts");
  for await (const event of certify(request, signal)) {
    if (event.type === "check") {
      terminal.passing(checkingLine(`${event.done + 1} of ${total}: ${event.name}`, terminal.errorView));
      continue;
    }
    terminal.clearProgress();
    if (event.type === "begin") {
      ({ total, unknown } = event);
      terminal.print(...certificateHead(request.model, event.spec, event.status, terminal.view));
    } else {
      if (event.row.group !== rows.at(-1)?.group) terminal.print(groupLine(event.row.group, terminal.view));
      terminal.print(...rowLines(event.row, terminal.view));
      rows.push(event.row);
    }
  }
  terminal.print(
    ...unknownLines(unknown, terminal.view),
    ...certificateVerdict(rows, performance.now() - started, terminal.view),
  );
  return !rows.some(({ verdict }) => verdict === "failed");
}

async function writeJson(request: CertifyRequest, signal: AbortSignal, terminal: Terminal): Promise<boolean> {
  const rows: Row[] = [];
  let begin: Parameters<typeof certificateJson>[1] | null = null;
  const { certify } = await import("../../certify/certify.ts");
  for await (const event of certify(request, signal)) {
    if (event.type === "begin") begin = event;
    if (event.type === "check") terminal.passing(checkingLine(event.name, terminal.errorView));
    if (event.type === "row") rows.push(event.row);
  }
  terminal.clearProgress();
  if (begin) terminal.print(JSON.stringify(certificateJson(request.model, begin, rows), null, 2));
  return begin !== null && !rows.some(({ verdict }) => verdict === "failed");
}
