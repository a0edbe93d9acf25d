/** What routes have at hand. */
import type { Config } from "../config.ts";
import type { Datasets } from "../datasets/datasets.ts";
import type { Engine } from "../engine/protocol.ts";
import type { Log } from "../log.ts";
import type { Admission } from "../runs/admission.ts";
import type { Canary } from "../runs/canary.ts";
import type { RunRegistry } from "../runs/registry.ts";
import type { ModelSource } from "../runs/served-models.ts";
import type { Telemetry } from "../telemetry.ts";

export interface Services {
  readonly config: Config;
  readonly engine: Engine;
  readonly models: ModelSource;
  readonly datasets: Datasets;
  readonly admission: Admission;
  readonly runs: RunRegistry;
  readonly canary: Canary;
  readonly telemetry: Telemetry;
  readonly log: Log;
  /** true once the service is shutting down: what runs may end, nothing new may start. */
  draining: boolean;
}
