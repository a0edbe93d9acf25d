/** A stored experiment as the wire shows it. */
import type { Experiment, ExperimentProgress } from "../schemas/experiments/experiment.ts";
import type { StoredExperiment } from "./repository.ts";
import { bosOf } from "./study.ts";

/** Work that must be done before a rate is told. */
const LEAST_MS = 200;

/** `trouble`: what keeps this replica from going on, if anything does. */
export function describe(stored: StoredExperiment, trouble: string | null = null): Experiment {
  const { spec } = stored;
  const held = trouble !== null && (stored.state === "running" || stored.state === "queued");
  return {
    id: stored.id,
    kind: stored.kind as Experiment["kind"],
    model: stored.model,
    state: held ? "paused" : stored.state,
    reason: held ? trouble : stored.reason,
    progress: progressOf(stored),
    events: stored.events,
    texts: spec.data?.texts ?? null,
    tokens_per_text: spec.tokensPerText,
    prepend_bos: spec.prependBos,
    bos: bosOf(spec),
    seed: spec.seed,
    settings: spec.settings,
    data: spec.data,
    revision: spec.model.revision,
    version: spec.version,
    created_at: stored.created_at.toISOString(),
    started_at: stored.started_at?.toISOString() ?? null,
    finished_at: stored.finished_at?.toISOString() ?? null,
    error: stored.error,
  };
}

/** How far it is; the rate is over the time that somebody worked on it. */
export function progressOf({ done, total, busy_ms, state }: StoredExperiment): ExperimentProgress {
  const rate = done > 0 && busy_ms >= LEAST_MS ? (done / busy_ms) * 1000 : null;
  const goesOn = state === "running" || state === "queued" || state === "paused";
  return {
    done,
    total,
    rate_per_second: rate === null ? null : Number(rate.toPrecision(4)),
    eta_seconds: rate === null || !goesOn ? null : Number(((total - done) / rate).toPrecision(3)),
  };
}
