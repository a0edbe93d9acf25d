/** Experiments without a store: planned, computed chunk by chunk on a real engine, and added up. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DatasetSource } from "../../src/datasets/datasets.ts";
import { createEngine } from "../../src/engine/client.ts";
import type { Engine } from "../../src/engine/protocol.ts";
import { Computer } from "../../src/experiments/computer.ts";
import { kindOf } from "../../src/experiments/kinds/index.ts";
import { pack, unpack } from "../../src/experiments/pack.ts";
import { planExperiment } from "../../src/experiments/planning.ts";
import type { ExperimentResult, ResultRow } from "../../src/experiments/result.ts";
import { provenanceOf } from "../../src/experiments/study.ts";
import type { StoredInput } from "../../src/experiments/tally.ts";
import { Problem, type ProblemData } from "../../src/problem.ts";
import { Means } from "../../src/runs/means.ts";
import { modelsIn } from "../../src/runs/served-models.ts";
import { ExperimentRequest, type ExperimentRequestInput } from "../../src/schemas/experiments/request.ts";
import { TEST_DEVICE } from "./device.ts";

const MEMORY_BYTES = 2 ** 30;
/** For tests that name no data set. */
const NO_DATASETS: DatasetSource = {
  get: async (name) => {
    throw new Problem("invalid_request", `there is no data set ${name}`);
  },
};

export interface Laboratory {
  readonly engine: Engine;
  /** Refuses as the service does. */
  plan(request: ExperimentRequestInput): ReturnType<typeof planExperiment>;
  run(request: ExperimentRequestInput): Promise<ExperimentResult>;
  /** A table beside the result. */
  table(request: ExperimentRequestInput, name: string): Promise<ResultRow[]>;
  /** Packed outputs of all chunks, in order. */
  outputs(request: ExperimentRequestInput): Promise<Uint8Array[]>;
  close(): Promise<void>;
}

/** A laboratory on the checkpoints of a folder. */
export function openLaboratory(modelsDir: string, datasets: DatasetSource = NO_DATASETS): Laboratory {
  const engine = createEngine({
    ...{ modelsDir, hubCache: null, device: TEST_DEVICE ?? "cpu", threads: null, weights: "packed", halfPrecision: "auto" },
    ...{ memoryBytes: 4 * MEMORY_BYTES, promptMemoryBytes: 0, idleSeconds: null, log: () => {} },
  });
  const models = modelsIn(modelsDir);
  const folder = mkdtempSync(join(tmpdir(), "stratascope-means-"));
  const means = new Means({
    engine,
    folder,
    failed: (error) => {
      throw error;
    },
  });
  const computer = new Computer({ engine, models, means, memoryBytes: MEMORY_BYTES });
  const plan = (request: ExperimentRequestInput) =>
    planExperiment(ExperimentRequest.parse(request), { models, datasets, maxRunMemoryBytes: MEMORY_BYTES });
  const compute = async (request: ExperimentRequestInput) => {
    const { study: planned, inputs } = await plan(request);
    const study = stored(planned);
    const { signal } = new AbortController();
    const chunks = inputs.map((input) => unpack<StoredInput>(input).input);
    const outputs = await Promise.all(chunks.map((input) => computer.compute(study, input, signal)));
    return { study, chunks, outputs };
  };
  return {
    engine,
    plan,
    outputs: async (request) => (await compute(request)).outputs,
    async run(request) {
      const { study, chunks, outputs } = await compute(request);
      const fold = kindOf(study.kind).fold(study);
      for (const [i, output] of outputs.entries()) fold.add(unpack(output), chunks[i]);
      const result = { id: "test", ...provenanceOf(study), ...(await fold.finish()) };
      // Everything that leaves is plain data.
      return unpack<ExperimentResult>(pack(result));
    },
    async table(request, name) {
      const { study, chunks, outputs } = await compute(request);
      const table = kindOf(study.kind).tables?.[name];
      if (!table) throw new Error(`${study.kind} has no table ${name}`);
      const { tokenizer } = await models.get(study.model.id);
      return outputs.flatMap((output, chunk) => [
        ...table.rows(study, { chunk, input: chunks[chunk], output: unpack(output) }, tokenizer),
      ]);
    },
    close: () => engine.stop(),
  };
}

/** As it comes back from where it is stored: jsonb keeps an object's fields in an order of its own. */
function stored<T>(value: T): T {
  const inOrder = (_: string, part: unknown) =>
    part !== null && typeof part === "object" && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => a.length - b.length || (a < b ? -1 : 1)))
      : part;
  return JSON.parse(JSON.stringify(value, inOrder)) as T;
}

/** The rows whose columns have these values. */
export function rowsWith({ table }: ExperimentResult, wanted: ResultRow): ResultRow[] {
  return table.rows.filter((row) => Object.entries(wanted).every(([name, value]) => row[name] === value));
}

/** The mean of the one row whose columns have these values. */
export function meanOf(result: ExperimentResult, wanted: ResultRow): number {
  const rows = rowsWith(result, wanted);
  if (rows.length !== 1) throw new Error(`${rows.length} rows with ${JSON.stringify(wanted)}`);
  return rows[0]?.mean as number;
}

/** What keeps a request from being planned. */
export async function refusalOf(laboratory: Laboratory, request: ExperimentRequestInput): Promise<ProblemData> {
  try {
    await laboratory.plan(request);
  } catch (error) {
    if (error instanceof Problem) return error.data;
    throw error;
  }
  throw new Error("it was planned");
}
