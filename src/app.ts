/** The app, put together. Importing or creating it starts nothing: its `fetch` answers requests. */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { OpenAPIHono } from "@hono/zod-openapi";
import { routePath } from "hono/route";
import type { Config } from "./config.ts";
import { Datasets } from "./datasets/datasets.ts";
import { datasetFolder } from "./datasets/folder.ts";
import type { UploadedDatasets } from "./datasets/uploaded.ts";
import { uploadedFiles } from "./datasets/uploaded-files.ts";
import { uploadedRows } from "./datasets/uploaded-rows.ts";
import type { Engine } from "./engine/protocol.ts";
import { createExperiments } from "./experiments/create.ts";
import { Downloads } from "./hub/downloads.ts";
import { type Log, silentLog } from "./log.ts";
import { Problem } from "./problem.ts";
import { requireKey } from "./routes/auth.ts";
import type { App, Env } from "./routes/endpoint.ts";
import { endpoints } from "./routes/index.ts";
import { answerError, answerProblem, invalidFields } from "./routes/problems.ts";
import type { Services } from "./routes/services.ts";
import { Admission } from "./runs/admission.ts";
import { Canary } from "./runs/canary.ts";
import { DatabaseLogs } from "./runs/logs/database-logs.ts";
import { FileLogs } from "./runs/logs/file-logs.ts";
import type { Retention, RunLogs } from "./runs/logs/run-logs.ts";
import { Means } from "./runs/means.ts";
import { prepareRun } from "./runs/prepare.ts";
import { RunRegistry } from "./runs/registry.ts";
import { type ModelSource, modelsIn } from "./runs/served-models.ts";
import { Store } from "./store/store.ts";
import { Telemetry } from "./telemetry.ts";

export interface AppOptions {
  readonly config: Config;
  readonly engine: Engine;
  /** Those in the configured folder, when nothing else is said. */
  readonly models?: ModelSource;
  /** Of runs: files in the data folder, or rows where there is a DATABASE_URL, when nothing else is said. */
  readonly logs?: RunLogs;
  /** Uploaded data sets: likewise. */
  readonly uploads?: UploadedDatasets;
  readonly log?: Log;
}

const REQUEST_ID = /^[\w.:-]{1,128}$/;

/** Everything the routes need. */
export function createServices(options: AppOptions): Services {
  const { config, engine, models = configured(config), logs, uploads, log = silentLog } = options;
  const admission = new Admission(config);
  const telemetry = new Telemetry({ engine, queued: () => admission.queued, active: () => admission.active });
  const canary = new Canary(engine, models);
  const means = new Means({
    engine,
    folder: join(config.dataDir, "means"),
    failed: (error) => log.error("means could not be written", { error: String(error) }),
  });
  const store = new Store({ databaseUrl: config.databaseUrl, folder: join(config.dataDir, "postgres"), log });
  const database = () => store.database();
  const isShared = store.kind === "postgres";
  const uploadsDir = join(config.dataDir, "datasets");
  const datasets = new Datasets({
    ...{
      folder: datasetFolder(config.datasetsDir),
      uploaded: uploads ?? (isShared ? uploadedRows(database) : uploadedFiles(uploadsDir)),
    },
    ...{ stagingDir: uploadsDir, maxUploadBytes: config.maxDatasetBytes },
  });
  const runs = new RunRegistry({
    engine,
    means,
    admission,
    telemetry,
    log,
    logs: logs ?? (isShared ? new DatabaseLogs({ database }) : new FileLogs(join(config.dataDir, "runs"))),
    keepBytes: config.maxClientQueueBytes,
    retention: runLogRetention(config),
    prepare: (request) =>
      prepareRun(request, { models, datasets, limits: config, priority: "background", arrivedAt: performance.now() }),
    proved: (works) => canary.observed(works),
  });
  const { maxRunMemoryBytes, dataDir, experimentChunks: slots } = config;
  const service = createExperiments({
    ...{ store, engine, models, datasets, means, log, dataDir, slots, maxRunMemoryBytes },
    counted: (outcome) => telemetry.chunk(outcome),
  });
  return {
    ...{ config, engine, models, datasets, admission, runs, canary, telemetry, log, store },
    experiments: service.experiments,
    draining: false,
    async open() {
      await Promise.all([runs.tidy(), service.start()]);
    },
    leave: () => service.stop(),
    close: () => store.close(),
  };
}

function runLogRetention({ runLogRetentionRuns, runLogRetentionBytes, runLogRetentionSeconds }: Config): Retention {
  return { runs: runLogRetentionRuns, bytes: runLogRetentionBytes, seconds: runLogRetentionSeconds };
}

/** The models of the configured folder and of the hub's cache. */
function configured({ modelsDir, hub }: Config): ModelSource {
  return modelsIn(modelsDir, { cacheDir: hub.cacheDir, downloads: hub.allowDownloads ? new Downloads(hub) : null });
}

/** The app and what it works with. */
export function createApp(options: AppOptions): { readonly app: App; readonly services: Services } {
  const services = createServices(options);
  const { config, telemetry, log } = services;
  const app = new OpenAPIHono<Env>({
    defaultHook: (result) => {
      if (!result.success) throw invalidFields(result.error as never, result.target);
    },
  });
  app.use(async (c, next) => {
    const arrivedAt = performance.now();
    const given = c.req.header("x-request-id");
    const requestId = given && REQUEST_ID.test(given) ? given : randomUUID();
    c.set("requestId", requestId);
    c.set("arrivedAt", arrivedAt);
    c.header("X-Request-Id", requestId);
    c.header("X-Content-Type-Options", "nosniff");
    await next();
    const { status } = c.res;
    const route = status === 404 && routePath(c).endsWith("*") ? "none" : `${c.req.method} ${routePath(c)}`;
    telemetry.request(route, status);
    log.debug("request", {
      request_id: requestId,
      method: c.req.method,
      path: c.req.path,
      status,
      ms: performance.now() - arrivedAt,
    });
  });
  app.use("/v1/*", requireKey(config.apiKeys));
  app.use("/metrics", requireKey(config.apiKeys));
  for (const add of endpoints(config)) add(app, services);
  app.notFound((c) =>
    answerProblem(new Problem("not_found", `There is no ${c.req.method} ${c.req.path}. GET /docs has what there is.`), c),
  );
  app.onError((error, c) => answerError(error, c, services));
  return { app, services };
}
