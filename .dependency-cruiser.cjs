/** Data flows one way: routes → runs → interventions, engine → metrics. `npm run arrows` keeps it so. */
const only = (name, from, allowed, comment) => ({
  name,
  comment,
  severity: "error",
  from: { path: from },
  to: { path: "^src/", pathNot: [from, ...allowed] },
});

const PROBLEM = "^src/problem\\.ts$";
const METRICS = "^src/metrics/";
const SCHEDULE = "^src/engine/schedule\\.ts$";

module.exports = {
  forbidden: [
    {
      name: "no-cycles",
      comment: "types may name each other; values may not",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    { name: "resolvable", severity: "error", from: {}, to: { couldNotResolve: true, pathNot: "^bun:" } },
    only("metrics-stand-alone", METRICS, [], "pure numerics: nothing of ours"),
    only("schemas-know-only-problems", "^src/schemas/", [PROBLEM], "the wire: zod and nothing else"),
    only(
      "interventions-make-schedules",
      "^src/interventions/",
      [PROBLEM, METRICS, SCHEDULE, "^src/schemas/"],
      "operations in, a schedule out; numbers drawn by chance are metrics' too",
    ),
    only(
      "the-hub-stands-beside",
      "^src/hub/",
      [PROBLEM, "^src/lock\\.ts$", "^src/engine/checkpoint/", "^src/schemas/"],
      "downloads know the cache's layout and what a checkpoint needs",
    ),
    only("chats-stand-alone", "^src/chat/", [], "messages in, a text out"),
    only("the-store-knows-no-experiments", "^src/store/", [PROBLEM, "^src/(log|lock)"], "a database, its schema and its queues"),
    only(
      "experiments-stand-on-runs",
      "^src/experiments/",
      [
        PROBLEM,
        METRICS,
        SCHEDULE,
        "^src/(problem-document|log)\\.ts$",
        "^src/(runs|interventions|datasets|schemas|store|tokenizer)/",
        "^src/engine/protocol\\.ts$",
      ],
      "kinds, chunks and what they add up to; no routes, no sessions",
    ),
    only("the-engine-stands-below", "^src/engine/", [PROBLEM, METRICS], "no routes, runs, schemas or interventions"),
    {
      name: "the-engine-knows-no-http",
      severity: "error",
      from: { path: "^src/(engine|metrics|interventions)/" },
      to: { path: ["^(node:)?https?$", "^(node:)?http2$", "node_modules/(hono|@hono)/"] },
    },
    only(
      "the-report-is-a-client",
      "^src/report/",
      [PROBLEM, "^src/schemas/", "^src/experiments/(result\\.ts$|figures/|formats/)"],
      "it asks the service over HTTP; of experiments it takes what draws figures and writes tables",
    ),
    only("the-report-plans-first", "^src/report/plan/", ["^src/schemas/"], "what to run, before anything was measured"),
    only(
      "claims-are-judged-on-results",
      "^src/report/(claims|results|text)/",
      [PROBLEM, "^src/schemas/", "^src/experiments/", "^src/report/plan/"],
      "no pages, no service: numbers in, sentences out",
    ),
    only(
      "pages-know-only-the-document",
      "^src/report/(page|readme)/",
      ["^src/report/(document/document\\.ts$|figures/|text/|claims/claim\\.ts$)"],
      "two forms of one text",
    ),
    {
      name: "runs-know-no-routes",
      comment: "the life of a run is served by routes, not the other way round",
      severity: "error",
      from: { path: "^src/(runs|experiments|store)/" },
      to: { path: ["^src/(routes|cli)/", "^src/(app|main)\\.ts$"] },
    },
    {
      name: "sessions-live-in-the-engine",
      comment: "onnxruntime blocks the thread it runs on: only the engine process may load it",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/engine/" },
      to: { path: "node_modules/onnxruntime-node/" },
    },
    {
      name: "only-main-and-the-cli-start-the-app",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/(main\\.ts$|cli/|app\\.ts$)" },
      to: { path: "^src/app\\.ts$" },
    },
    { name: "no-tests-in-src", severity: "error", from: { path: "^src/" }, to: { path: "^(test|bench|scripts)/" } },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "default"],
      extensions: [".ts", ".js", ".mjs", ".json"],
    },
  },
};
