/** What is counted, for Prometheus. prom-client is imported after the first answers; what happened before waits for it. */
import type { Counter, Histogram, Registry } from "prom-client";
import type { Engine } from "./engine/protocol.ts";

interface Instruments {
  readonly registry: Registry;
  readonly requests: Counter<"route" | "status">;
  readonly runs: Counter<"outcome">;
  readonly tokens: Counter;
  readonly chunks: Counter<"outcome">;
  readonly queueWait: Histogram;
  readonly firstLayer: Histogram;
}

/** What is read when it is asked for. */
export interface Gauges {
  readonly engine: Engine;
  readonly queued: () => number;
  readonly active: () => number;
}

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

export class Telemetry {
  readonly #gauges: Gauges;
  #instruments: Instruments | null = null;
  #loading: Promise<Instruments> | null = null;
  #waiting: ((instruments: Instruments) => void)[] = [];

  constructor(gauges: Gauges) {
    this.#gauges = gauges;
  }

  request(route: string, status: number): void {
    this.#record(({ requests }) => requests.inc({ route, status: String(status) }));
  }

  run(outcome: string, tokens: number): void {
    this.#record((to) => {
      to.runs.inc({ outcome });
      to.tokens.inc(tokens);
    });
  }

  /** A chunk of an experiment was computed here and stored, given back, or failed. */
  chunk(outcome: "stored" | "given_back" | "failed"): void {
    this.#record(({ chunks }) => chunks.inc({ outcome }));
  }

  queueWait(seconds: number): void {
    this.#record(({ queueWait }) => queueWait.observe(seconds));
  }

  firstLayer(seconds: number): void {
    this.#record(({ firstLayer }) => firstLayer.observe(seconds));
  }

  /** The exposition format, and its content type. */
  async render(): Promise<{ readonly text: string; readonly contentType: string }> {
    const { registry } = await this.#load();
    return { text: await registry.metrics(), contentType: registry.contentType };
  }

  #record(act: (instruments: Instruments) => void): void {
    if (this.#instruments) {
      act(this.#instruments);
      return;
    }
    this.#waiting.push(act);
    if (this.#waiting.length === 1) setTimeout(() => void this.#load(), 100).unref?.();
  }

  #load(): Promise<Instruments> {
    this.#loading ??= createInstruments(this.#gauges).then((instruments) => {
      for (const act of this.#waiting) act(instruments);
      this.#waiting = [];
      this.#instruments = instruments;
      return instruments;
    });
    return this.#loading;
  }
}

async function createInstruments({ engine, queued, active }: Gauges): Promise<Instruments> {
  const { Counter, Gauge, Histogram, Registry } = await import("prom-client");
  const registry = new Registry();
  const registers = [registry];
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name: `stratascope_${name}`,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  const counter = (name: string, help: string, read: () => number) =>
    new Counter({
      name: `stratascope_${name}`,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  const stats = () => engine.status().stats;
  gauge("runs_queued", "Runs that wait to be admitted.", queued);
  gauge("runs_active", "Runs in the engine.", active);
  gauge("engine_ready_rows", "Residual streams that wait for their next block.", () => stats()?.readyRows ?? 0);
  gauge("engine_rss_bytes", "Resident memory of the engine process.", () => stats()?.rssBytes ?? 0);
  gauge("model_memory_bytes", "Weights held.", () => stats()?.modelMemoryBytes ?? 0);
  gauge("models_loaded", "Models that are ready.", () => engine.status().models.filter(({ state }) => state === "ready").length);
  gauge("engine_up", "1 while the engine process runs.", () => Number(engine.status().state === "running"));
  counter("engine_restarts_total", "Times the engine process died and was started again.", () => engine.status().restarts);
  counter("block_calls_total", "Calls of a block.", () => stats()?.blockCalls ?? 0);
  counter("block_rows_total", "Rows that calls of blocks computed.", () => stats()?.blockRows ?? 0);
  counter("block_tokens_total", "Token positions that calls of blocks computed.", () => stats()?.blockTokens ?? 0);
  counter("readout_calls_total", "Calls of the read-out.", () => stats()?.readoutCalls ?? 0);
  counter("readout_rows_total", "Positions read out.", () => stats()?.readoutRows ?? 0);
  counter(
    "prompt_memory_hits_total",
    "Steps whose stream was remembered from a recent run.",
    () => stats()?.rememberedSteps ?? 0,
  );
  counter(
    "prompt_memory_misses_total",
    "Steps that were looked for in the memory of recent runs in vain.",
    () => stats()?.computedSteps ?? 0,
  );
  gauge("prompt_memory_bytes", "Streams of recent prompts that are kept.", () => stats()?.memoryOfRunsBytes ?? 0);
  new Counter({
    name: "stratascope_block_calls_by_rows_total",
    help: "Calls of a block by their number of rows: the upper bounds are 1, 2, 4 … 128 and +Inf; not cumulative.",
    labelNames: ["rows_up_to"],
    registers,
    collect() {
      this.reset();
      for (const [i, calls] of (stats()?.rowsPerCall ?? []).entries())
        this.inc({ rows_up_to: i < 8 ? String(2 ** i) : "+Inf" }, calls);
    },
  });
  return {
    registry,
    requests: new Counter({
      name: "stratascope_http_requests_total",
      help: "Requests by route and status.",
      labelNames: ["route", "status"],
      registers,
    }),
    runs: new Counter({
      name: "stratascope_runs_total",
      help: "Runs that ended, by outcome.",
      labelNames: ["outcome"],
      registers,
    }),
    tokens: new Counter({ name: "stratascope_prompt_tokens_total", help: "Prompt tokens of runs that ended.", registers }),
    chunks: new Counter({
      name: "stratascope_experiment_chunks_total",
      help: "Chunks of experiments that were computed here and stored, given back, or failed.",
      labelNames: ["outcome"],
      registers,
    }),
    queueWait: new Histogram({
      name: "stratascope_queue_wait_seconds",
      help: "From a run's request to its admission.",
      buckets: SECONDS,
      registers,
    }),
    firstLayer: new Histogram({
      name: "stratascope_time_to_first_layer_seconds",
      help: "From a run's request to its first layer event.",
      buckets: SECONDS,
      registers,
    }),
  };
}
