/** What routes have at hand. */
import type { Config } from "../config.ts";
import type { Datasets } from "../datasets/datasets.ts";
import type { Engine } from "../engine/protocol.ts";
import type { Experiments } from "../experiments/experiments.ts";
import type { Log } from "../log.ts";
import type { Admission } from "../runs/admission.ts";
import type { Canary } from "../runs/canary.ts";
import type { RunRegistry } from "../runs/registry.ts";
import type { ModelSource } from "../runs/served-models.ts";
import type { Store } from "../store/store.ts";
import type { Telemetry } from "../telemetry.ts";

export interface Services {
  readonly config: Config;
  readonly engine: Engine;
  readonly models: ModelSource;
  readonly datasets: Datasets;
  readonly admission: Admission;
  readonly runs: RunRegistry;
  readonly experiments: Experiments;
  readonly store: Store;
  readonly canary: Canary;
  readonly telemetry: Telemetry;
  readonly log: Log;
  /** true once the service is shutting down: what runs may end, nothing new may start. */
  draining: boolean;
  /** For the time after the start: takes up what a process before this one left. */
  open(): Promise<void>;
  /** Gives back what experiments have in hand. */
  leave(): Promise<void>;
  /** Closes the database, when nobody needs it any more. */
  close(): Promise<void>;
}
