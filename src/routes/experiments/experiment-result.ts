import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { TableSource } from "../../experiments/tables.ts";
import { Problem } from "../../problem.ts";
import { ExperimentResult } from "../../schemas/experiments/experiment.ts";
import { type Endpoint, type Env, endpoint } from "../endpoint.ts";
import { problems } from "../problems.ts";
import { json } from "../responses.ts";
import { ExperimentPath } from "./paths.ts";

const FORMATS = {
  json: "application/json",
  csv: "text/csv",
  parquet: "application/vnd.apache.parquet",
} as const;
type Format = keyof typeof FORMATS;

/** `GET /v1/experiments/{id}/result` */
export const experimentResult: Endpoint = endpoint(
  createRoute({
    method: "get",
    path: "/v1/experiments/{id}/result",
    operationId: "getExperimentResult",
    tags: ["Experiments"],
    summary: "The numbers of the figure",
    description:
      "In long form: key columns, `statistic`, then its numbers. JSON has what they were made from, and the headline numbers, beside them; CSV and Parquet are the rows.",
    request: {
      params: ExperimentPath,
      query: z.strictObject({
        format: z.enum(["json", "csv", "parquet"]).optional().openapi({ description: "Goes before `Accept`." }),
        table: z
          .string()
          .max(100)
          .default("result")
          .openapi({ description: "`neurons` of a census, `tokens` of variants with `per_token`, and the like." }),
      }),
    },
    responses: {
      200: {
        description: "The result.",
        content: {
          "application/json": { schema: ExperimentResult },
          "text/csv": { schema: z.string() },
          "application/vnd.apache.parquet": { schema: z.string().openapi({ format: "binary" }) },
        },
      },
      ...problems("unauthorized", "not_found", "conflict", "not_acceptable", "invalid_request", "store_unavailable"),
    },
  }),
  async (c, { experiments, models }) => {
    const { id } = c.req.valid("param");
    const { format = accepted(c.req.header("accept")), table: name } = c.req.valid("query");
    c.env?.hold?.();
    const { tableOf } = await import("../../experiments/tables.ts");
    const table = await tableOf(experiments, models, id, name);
    if (format === "json") return json(c, await document(table));
    const { about } = table;
    c.header("Content-Type", format === "csv" ? `${FORMATS.csv}; charset=utf-8` : FORMATS.parquet);
    c.header("Content-Disposition", `attachment; filename="${fileName(about, name)}.${format}"`);
    return format === "csv" ? csv(c, table) : parquet(c, table);
  },
);

/** The form that `Accept` names first among those there are; JSON where it names none of them but allows any. */
function accepted(accept = "*/*"): Format {
  const ranges = accept.split(",").map((range) => range.split(";")[0]?.trim().toLowerCase() ?? "");
  for (const range of ranges) {
    const format = (Object.keys(FORMATS) as Format[]).find((each) => FORMATS[each] === range);
    if (format) return format;
    if (range === "*/*" || range === "application/*") return "json";
    if (range === "text/*") return "csv";
  }
  throw new Problem(
    "not_acceptable",
    `Nothing in Accept: ${accept.slice(0, 200)} can be had; there are ${Object.values(FORMATS).join(", ")}.`,
  );
}

async function document({ columns, batches, about }: TableSource): Promise<ExperimentResult> {
  const { table: _, ...rest } = about;
  const rows: ExperimentResult["rows"] = [];
  for await (const batch of batches) rows.push(...batch);
  return { ...rest, columns: [...columns], rows } as ExperimentResult;
}

async function csv(c: Context<Env>, { columns, batches }: TableSource): Promise<Response> {
  const { csvOf } = await import("../../experiments/formats/csv.ts");
  return c.body(streamOf(lines()));

  async function* lines() {
    const text = new TextEncoder();
    yield text.encode(csvOf({ columns, rows: [] }));
    for await (const rows of batches) {
      const whole = csvOf({ columns, rows });
      yield text.encode(whole.slice(csvOf({ columns, rows: [] }).length));
    }
  }
}

async function parquet(c: Context<Env>, { columns, batches, about }: TableSource): Promise<Response> {
  const { parquetStream } = await import("../../experiments/formats/parquet.ts");
  return c.body(streamOf(parquetStream(columns, batches, about)));
}

/** Pulled as fast as the client reads. */
function streamOf(pieces: AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined>): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    async pull(controller) {
      const { value, done } = await pieces.next();
      if (value) controller.enqueue(value);
      if (done) controller.close();
    },
    async cancel() {
      await pieces.return();
    },
  });
}

function fileName({ kind, model }: TableSource["about"], table: string): string {
  const name = `${kind}-${model.id}${table === "result" ? "" : `-${table}`}`;
  return name.replace(/[^A-Za-z0-9._-]+/g, "-");
}
