import { createRoute, z } from "@hono/zod-openapi";
import { kindOf } from "../../experiments/kinds/index.ts";
import { Problem } from "../../problem.ts";
import { ExperimentFiles } from "../../schemas/experiments/files.ts";
import { type Endpoint, endpoint } from "../endpoint.ts";
import { problems } from "../problems.ts";
import { byteRange } from "../range.ts";
import { json } from "../responses.ts";
import { ExperimentPath } from "./paths.ts";

/** `GET /v1/experiments/{id}/files` */
export const experimentFiles: Endpoint = endpoint(
  createRoute({
    method: "get",
    path: "/v1/experiments/{id}/files",
    operationId: "listExperimentFiles",
    tags: ["Experiments"],
    summary: "Files that an experiment makes",
    description: "Those of `activations`: safetensors, each there as soon as its texts are computed.",
    request: { params: ExperimentPath },
    responses: {
      200: { description: "Their names, in order.", content: { "application/json": { schema: ExperimentFiles } } },
      ...problems("unauthorized", "not_found", "store_unavailable"),
    },
  }),
  async (c, { experiments }) => {
    const { id } = c.req.valid("param");
    c.env?.hold?.();
    const study = await experiments.study(id);
    const { files } = kindOf(study.kind);
    const { count, finished } = files ? await experiments.countChunks(id) : { count: 0, finished: new Set<number>() };
    const listed = Array.from({ length: count }, (_, chunk) => ({
      name: files?.name(chunk) ?? "",
      available: finished.has(chunk),
      url: `/v1/experiments/${id}/files/${files?.name(chunk)}`,
    }));
    return json(c, { files: listed } satisfies ExperimentFiles);
  },
);

/** `GET /v1/experiments/{id}/files/{name}` */
export const experimentFile: Endpoint = endpoint(
  createRoute({
    method: "get",
    path: "/v1/experiments/{id}/files/{name}",
    operationId: "getExperimentFile",
    tags: ["Experiments"],
    summary: "One of the files",
    description: "With `Range: bytes=…`, a part of it.",
    request: {
      params: ExperimentPath.extend({
        name: z.string().openapi({ param: { name: "name", in: "path", description: "As listed." } }),
      }),
      headers: z.object({ range: z.string().max(100).optional().openapi({ description: "One range of bytes." }) }),
    },
    responses: {
      200: {
        description: "The file.",
        content: { "application/octet-stream": { schema: z.string().openapi({ format: "binary" }) } },
      },
      206: {
        description: "The part asked for.",
        content: { "application/octet-stream": { schema: z.string().openapi({ format: "binary" }) } },
      },
      416: { description: "There are no such bytes; Content-Range tells how many there are." },
      ...problems("unauthorized", "not_found", "conflict", "store_unavailable"),
    },
  }),
  async (c, { experiments }) => {
    const { id, name } = c.req.valid("param");
    c.env?.hold?.();
    const { files } = kindOf((await experiments.study(id)).kind);
    const { count } = files ? await experiments.countChunks(id) : { count: 0 };
    const chunk = Array.from({ length: count }, (_, i) => i).find((i) => files?.name(i) === name);
    if (!files || chunk === undefined)
      throw new Problem("not_found", `The experiment has no file ${JSON.stringify(name.slice(0, 100))}.`);
    const found = await experiments.chunk(id, chunk);
    if (!found) throw new Problem("conflict", `The file ${name} is not there yet: its texts have not been computed.`);
    c.header("Content-Type", files.contentType);
    return byteRange(c, files.bytes(found.output));
  },
);
