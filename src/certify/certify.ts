/** The certificate of a model: all checks, one after the other, in engines like a service's. */
import { openCheckpoint } from "../engine/checkpoint/open.ts";
import type { DeviceChoice } from "../engine/devices/device.ts";
import type { ModelSpec } from "../engine/model-spec.ts";
import type { ProcessOptions } from "../engine/options.ts";
import type { ModelStatus } from "../engine/protocol.ts";
import { Problem } from "../problem.ts";
import { openTokenizer } from "../tokenizer/tokenizer.ts";
import { batchChecks } from "./batches.ts";
import type { Check, Group, NotRun } from "./check.ts";
import { type Finding, isWithin } from "./finding.ts";
import { Lab, type Observed } from "./lab.ts";
import { lawChecks } from "./laws.ts";
import { drawPrompts, NATURAL_TEXT, type Prompts } from "./prompts.ts";
import { readoutChecks } from "./readout.ts";
import { referenceChecks } from "./reference.ts";
import { openReference } from "./reference-file.ts";
import { planReference } from "./reference-plan.ts";
import { compareMemory, compareSamples, type Holding, holdingsOf, type Sample, takeMemorable, takeSample } from "./settings.ts";

export interface CertifyRequest {
  /** The model's name for the engine, and its folder. */
  readonly model: string;
  readonly folder: string;
  /** The engine as a service would start it. */
  readonly options: ProcessOptions;
  readonly device: DeviceChoice;
  /** A safetensors file, or null. */
  readonly reference: string | null;
  /** One line of an engine's log. */
  readonly log: (line: string) => void;
}

export type Verdict = "passed" | "failed" | "not_run";

/** One line of the certificate. */
export interface Row {
  readonly group: Group;
  readonly name: string;
  readonly verdict: Verdict;
  /** null: the check did not run, or broke off. */
  readonly finding: Finding | null;
  /** Why it did not run, what it broke off with, or what else there is to say. */
  readonly note: string | null;
}

export type CertifyEvent =
  | {
      readonly type: "begin";
      readonly spec: ModelSpec;
      readonly status: ModelStatus;
      /** Rows that will come. */
      readonly total: number;
      /** Tensors of the reference that are not known here. */
      readonly unknown: readonly string[];
    }
  | { readonly type: "check"; readonly name: string; readonly done: number }
  | { readonly type: "row"; readonly row: Row };

/** A memory that holds the streams of the prompts of any model that this machine runs. */
const MEMORY_BYTES = 256 * 2 ** 20;

/** What kept a check from its end is one of these where the check cannot be made here, rather than fails. */
const CANNOT: ReadonlySet<string> = new Set(["model_too_large"]);

/**
 * Runs every check that applies. Throws the `Problem` that keeps the model from loading or the reference from being one;
 * what happens within a check is its row's verdict.
 */
export async function* certify(request: CertifyRequest, signal: AbortSignal): AsyncGenerator<CertifyEvent, void, void> {
  const spec = openCheckpoint(request.folder);
  const file = request.reference === null ? null : openReference(request.reference);
  const plan = file && planReference(file, spec);
  const checks = [...lawChecks, ...readoutChecks, ...batchChecks, ...(file && plan ? referenceChecks(file, plan) : [])];
  const prompts = drawPrompts(spec, (await openTokenizer(request.folder)).encode(NATURAL_TEXT));
  const open = (options: Partial<ProcessOptions>) =>
    Lab.open({ ...request.options, ...options }, request.model, spec, signal, request.log);
  let sample: Sample | Problem;
  let memorable: readonly Observed[] | Problem;
  let status: ModelStatus;
  let done = 0;
  const later = settingsChecks(request, spec);

  const lab = await open({ promptMemoryBytes: 0 });
  try {
    ({ status } = lab);
    yield { type: "begin", spec, status, total: checks.length + later.length, unknown: plan?.unknown ?? [] };
    for (const check of checks) {
      yield { type: "check", name: check.name, done: done++ };
      yield { type: "row", row: await rowOf(check, () => check.run({ lab, prompts }), signal) };
    }
    sample = await orProblem(() => takeSample(lab, prompts));
    memorable = await orProblem(() => takeMemorable(lab, prompts));
  } finally {
    await lab.close();
  }
  const before: Before = { status, sample, memorable, prompts };
  for (const check of later) {
    yield { type: "check", name: check.name, done: done++ };
    const run = async () => {
      const notRun = check.notRun?.(before);
      if (notRun) return { notRun };
      const other = await open(check.options);
      try {
        return await check.run(other, before);
      } finally {
        await other.close();
      }
    };
    yield { type: "row", row: await rowOf({ group: "settings", name: check.name }, run, signal) };
  }
}

/** What the model's own engine gave, for the others to be compared with. */
interface Before {
  readonly status: ModelStatus;
  readonly sample: Sample | Problem;
  readonly memorable: readonly Observed[] | Problem;
  readonly prompts: Prompts;
}

/** A check that has an engine of its own. */
interface SettingsCheck {
  readonly name: string;
  readonly options: Partial<ProcessOptions>;
  /** Why it cannot be made; null: it can. */
  readonly notRun?: (before: Before) => string | null;
  run(lab: Lab, before: Before): Promise<Finding>;
}

function settingsChecks({ options, device }: CertifyRequest, spec: ModelSpec): SettingsCheck[] {
  const onCpu = device.device === "cpu";
  return [
    {
      name: "prompts remembered = run anew",
      options: { promptMemoryBytes: Math.max(options.promptMemoryBytes, MEMORY_BYTES) },
      notRun: () => (spec.nLayers < 2 ? "the model has one layer: no run begins as another does" : null),
      run: (lab, { prompts, memorable }) => compareMemory(lab, prompts, orThrow(memorable)),
    },
    ...holdingsOf(spec).map(
      (holding): SettingsCheck => ({
        name: `weights ${holding.name}`,
        options: { ...holding.options, device: "cpu", promptMemoryBytes: 0 },
        notRun: ({ status }) => (onCpu && isHeld(status, holding) ? "that is how everything above was computed" : null),
        run: async (lab, { prompts, sample, status }) =>
          compareSamples(await takeSample(lab, prompts), orThrow(sample), `against ${heldAs(status)}`),
      }),
    ),
    {
      name: "the device = the CPU",
      options: { device: "cpu", promptMemoryBytes: 0 },
      notRun: () => (onCpu ? `everything ran on the CPU (${device.detail})` : null),
      run: async (lab, { prompts, sample, status }) =>
        compareSamples(orThrow(sample), await takeSample(lab, prompts), `${status.device} against the CPU`),
    },
  ];
}

function isHeld({ weights, half }: ModelStatus, holding: Holding): boolean {
  return weights === holding.weights && half === holding.half;
}

/** How an engine holds a model, in words. */
export function heldAs({ device, weights, half }: Pick<ModelStatus, "device" | "weights" | "half">): string {
  return `${device === "cpu" ? "" : `${device}, `}${half === "kept" ? "half kept" : `${weights}${half === "folded" ? ", half folded" : ""}`}`;
}

async function rowOf(
  { group, name }: Pick<Check, "group" | "name">,
  run: () => Promise<Finding | NotRun>,
  signal: AbortSignal,
): Promise<Row> {
  try {
    const found = await run();
    if ("notRun" in found) return { group, name, verdict: "not_run", finding: null, note: found.notRun };
    return { group, name, verdict: isWithin(found) ? "passed" : "failed", finding: found, note: found.note };
  } catch (error) {
    if (signal.aborted || !(error instanceof Problem)) throw error;
    return { group, name, verdict: CANNOT.has(error.code) ? "not_run" : "failed", finding: null, note: error.message };
  }
}

async function orProblem<T>(take: () => Promise<T>): Promise<T | Problem> {
  try {
    return await take();
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
}

function orThrow<T>(taken: T | Problem): T {
  if (taken instanceof Problem) throw taken;
  return taken;
}
