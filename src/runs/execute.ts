/** One run from admission to its last event. */
import type { Engine, RunJob } from "../engine/protocol.ts";
import { Problem } from "../problem.ts";
import { problemDocument } from "../problem-document.ts";
import type { TimingMs } from "../schemas/events.ts";
import type { Ticket } from "./admission.ts";
import { EventWriter } from "./events.ts";
import { meanKey } from "./mean-files.ts";
import type { Means } from "./means.ts";
import { metaOf, type PreparedRun } from "./prepare.ts";
import type { WireEvent } from "./wire-event.ts";

export interface ExecuteOptions {
  readonly engine: Engine;
  readonly means: Pick<Means, "get">;
  readonly ticket: Ticket;
  /** Called when the run leaves the queue, and with the engine's first layer event. */
  readonly started: () => void;
  readonly firstLayer: () => void;
  /** What is not fit for users is told here. */
  readonly failed: (error: unknown) => void;
}

/**
 * The events of a run, those that come together as one batch: `meta` at once, and exactly one `done` or `error`, last. Aborting the signal cancels it
 * between two calls of the engine. Never throws.
 */
export async function* executeRun(
  run: PreparedRun,
  options: ExecuteOptions,
  signal: AbortSignal,
): AsyncGenerator<readonly WireEvent[], void, void> {
  const { engine, ticket } = options;
  const writer = new EventWriter(run.job, run.model, run.neuronLayers);
  const failure = (problem: Problem) => [writer.object("error", { run_id: run.job.id, problem: problemDocument(problem.data) })];
  try {
    yield [writer.object("meta", metaOf(run, whereItRuns(engine, run.job.model)))];
    const queuedAt = performance.now();
    if (!(await ticket.admitted)) return yield failure(new Problem("cancelled", "The run was cancelled while it waited."));
    options.started();
    const queueMs = performance.now() - queuedAt;
    const meansAt = performance.now();
    const job = run.means.length > 0 ? await withMeans(run, options.means, signal) : run.job;
    const meansMs = run.means.length > 0 ? performance.now() - meansAt : null;
    let layers = 0;
    for await (const event of engine.run(job, signal)) {
      switch (event.type) {
        case "layer":
          if (layers++ === 0) options.firstLayer();
          yield [...writer.layer(event)];
          break;
        case "result":
          yield [writer.result(event)];
          break;
        case "done":
          return yield [
            writer.object("done", {
              run_id: run.job.id,
              timing_ms: timing(run, queueMs + event.queueMs, meansMs, event.engineMs),
            }),
          ];
        case "error":
          return yield failure(new Problem(event.problem.code, event.problem.detail, event.problem.errors));
      }
    }
    yield failure(new Problem("engine_failed", "The engine ended the run without a result."));
  } catch (error) {
    if (!(error instanceof Problem)) options.failed(error);
    yield failure(Problem.from(error));
  } finally {
    ticket.release();
  }
}

/** The job with the means that its edits add. The stream is open by then: heartbeats go out while they are computed. */
async function withMeans({ job, means, model }: PreparedRun, source: Pick<Means, "get">, signal: AbortSignal): Promise<RunJob> {
  const vectors = [...(job.vectors ?? [])];
  for (const { index, texts, block, site } of means) {
    const values = (await source.get(model, texts, signal)).get(meanKey(block, site));
    const vector = vectors[index];
    if (!values || vector?.kind !== "values") throw new Error(`no mean of ${site} of block ${block}`);
    vectors[index] = { ...vector, values };
  }
  return { ...job, vectors };
}

function timing(run: PreparedRun, queueMs: number, meansMs: number | null, engineMs: number): TimingMs {
  const round = (ms: number) => Math.round(ms * 1000) / 1000;
  return {
    queue: round(queueMs),
    tokenize: round(run.tokenizeMs),
    ...(meansMs === null ? {} : { means: round(meansMs) }),
    engine: round(engineMs),
    total: round(performance.now() - run.arrivedAt),
  };
}

/** The device and precision of a model; until it is loaded, where it will be loaded. */
function whereItRuns(engine: Engine, id: string): { device: string; precision: string } {
  const status = engine.status();
  const model = status.models.find((each) => each.id === id);
  return { device: model?.device ?? status.device, precision: model?.precision ?? "float32" };
}
