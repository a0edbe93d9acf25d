/**
 * The engine process: reads requests from stdin, answers on stdout, logs to stderr. Holds all ONNX Runtime
 * sessions; their calls block this event loop, never the server's. Ends when its stdin does.
 */
import { writeSync } from "node:fs";
import { Problem } from "../problem.ts";
import { Counters } from "./counters.ts";
import { encodeFrame, FrameReader } from "./frames.ts";
import type { Model } from "./model.ts";
import { Models } from "./models.ts";
import type { ProcessOptions } from "./options.ts";
import type { CensusJob, CensusRows, EngineEvent, EngineReply, EngineRequest, RunJob } from "./protocol.ts";

/** How often numbers are sent while the engine works. */
const STATS_INTERVAL_MS = 500;

const options = JSON.parse(process.argv[2] ?? "{}") as ProcessOptions;
const log = (error: unknown) => writeSync(2, `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
const send = (reply: EngineReply) => process.stdout.write(encodeFrame(reply));
const counters = new Counters(log);
const models = new Models({ ...options, counters, changed: () => sendModels() });
/** Runs and censuses whose model is still being loaded. */
const early = new Map<string, (problem: Problem) => void>();
let pumping = false;
let statsAt = 0;

function sendModels(): void {
  send({ kind: "models", models: models.status() });
  sendStats();
}

function sendStats(): void {
  statsAt = performance.now();
  const sum = (of: (model: (typeof models.ready)[number]) => number) =>
    models.ready.reduce((total, model) => total + of(model), 0);
  send({
    kind: "stats",
    stats: {
      ...counters.snapshot(),
      readyRows: sum(({ wavefront }) => wavefront.readyRows),
      activeRuns: sum(({ wavefront, census }) => wavefront.activeRuns + census.active) + early.size,
      modelMemoryBytes: models.memoryBytes,
      memoryOfRunsBytes: sum(({ wavefront }) => wavefront.memoryBytes),
      rssBytes: process.memoryUsage.rss(),
    },
  });
}

/** The models that have work; where people wait for some, only those. */
function working(): Model[] {
  const busy = models.ready.filter(({ turns }) => turns.hasWork);
  const urgent = busy.filter(({ turns }) => turns.isUrgent);
  return urgent.length > 0 ? urgent : busy;
}

/** Makes calls as long as there is work, one model after the other; requests are read in between. */
async function pump(): Promise<void> {
  if (pumping) return;
  pumping = true;
  let turn = 0;
  for (let busy = working(); busy.length > 0; busy = working()) {
    await busy[turn++ % busy.length]?.turns.step();
    await new Promise((resolve) => setImmediate(resolve));
    if (performance.now() - statsAt > STATS_INTERVAL_MS) sendStats();
  }
  pumping = false;
  sendModels();
}

/** Hands a job to its model as soon as that is there; `failed` is told what comes between, at most once. */
async function start(
  { id, model, revision }: Pick<RunJob, "id" | "model" | "revision">,
  begin: (model: Model) => void,
  failed: (problem: Problem) => void,
): Promise<void> {
  early.set(id, failed);
  try {
    const loaded = await models.get(model, revision);
    // Cancelled while the model was loading: its error has been sent.
    if (!early.delete(id)) return;
    begin(loaded);
    void pump();
  } catch (error) {
    log(error);
    if (early.delete(id)) failed(Problem.from(error));
  }
}

function startRun(job: RunJob): Promise<void> {
  const emit = (event: EngineEvent) => send({ kind: "event", id: job.id, event });
  return start(
    job,
    ({ wavefront }) => wavefront.add(job, emit),
    (problem) => emit({ type: "error", problem: problem.data }),
  );
}

function startCensus(job: CensusJob): Promise<void> {
  const done = (outcome: CensusRows | Problem) =>
    send({ kind: "census", id: job.id, ...(outcome instanceof Problem ? { problem: outcome.data } : { rows: outcome }) });
  return start(job, ({ census }) => census.add(job, done), done);
}

function cancel(id: string): void {
  const problem = new Problem("cancelled", "The run was cancelled.");
  const failed = early.get(id);
  if (early.delete(id)) failed?.(problem);
  else for (const { wavefront, census } of models.ready) if (!wavefront.cancel(id, problem)) census.cancel(id, problem);
}

async function answer(seq: number, model: string, act: () => Promise<unknown>): Promise<void> {
  try {
    await act();
    send({ kind: "reply", seq, status: models.status().find(({ id }) => id === model) });
  } catch (error) {
    send({ kind: "reply", seq, problem: Problem.from(error).data });
  }
}

function handle(request: EngineRequest): void {
  switch (request.kind) {
    case "run":
      void startRun(request.job);
      return;
    case "census":
      void startCensus(request.job);
      return;
    case "cancel":
      cancel(request.id);
      return;
    case "load":
      void answer(request.seq, request.model, () => models.get(request.model));
      return;
    case "unload":
      void answer(request.seq, request.model, () => models.unload(request.model));
      return;
  }
}

// A library's chatter must not end up between the frames.
console.log = console.info = console.debug = (...values: unknown[]) => log(values.join(" "));
const reader = new FrameReader();
process.stdin.on("data", (chunk: Uint8Array) => {
  for (const request of reader.push(chunk)) handle(request as EngineRequest);
});
process.stdin.on("end", () => process.exit(0));
// Signals to the process group are the server's to handle: it ends the engine when the last run is done.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => {});
send({ kind: "ready" });
