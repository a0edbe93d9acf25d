import { createRoute, z } from "@hono/zod-openapi";
import type { DescribedDataset, ListedDataset } from "../datasets/datasets.ts";
import { DatasetInfo, DatasetList, type DatasetSummary } from "../schemas/datasets.ts";
import { DATASET_CONTENT, uploadBody, uploadFormat } from "./dataset-body.ts";
import { endpoint } from "./endpoint.ts";
import { problems } from "./problems.ts";
import { json } from "./responses.ts";

const DatasetPath = z.object({
  name: z
    .string()
    .openapi({ param: { name: "name", in: "path", description: "The data set's name." }, examples: ["prose-heldout"] }),
});

const info = { "application/json": { schema: DatasetInfo } };

/** `GET /v1/datasets` */
export const listDatasets = endpoint(
  createRoute({
    method: "get",
    path: "/v1/datasets",
    operationId: "listDatasets",
    tags: ["Data sets"],
    summary: "List data sets",
    description: "Those of DATASETS_DIR and those that were uploaded. None is read for it.",
    responses: {
      200: { description: "All of them.", content: { "application/json": { schema: DatasetList } } },
      ...problems("unauthorized", "store_unavailable"),
    },
  }),
  async (c, { datasets }) => json(c, { datasets: (await datasets.list()).map(summary) } satisfies DatasetList),
);

/** `GET /v1/datasets/{name}` */
export const getDataset = endpoint(
  createRoute({
    method: "get",
    path: "/v1/datasets/{name}",
    operationId: "getDataset",
    tags: ["Data sets"],
    summary: "Look at a data set",
    description: "Reads all of it where nobody has yet; a row that cannot be used is named by its line.",
    request: { params: DatasetPath },
    responses: {
      200: { description: "The data set.", content: info },
      ...problems("unauthorized", "not_found", "invalid_request", "store_unavailable"),
    },
  }),
  async (c, { datasets }) => {
    c.env?.hold?.();
    return json(c, details(await datasets.describe(c.req.valid("param").name)));
  },
);

/** `PUT /v1/datasets/{name}` */
export const putDataset = endpoint(
  createRoute({
    method: "put",
    path: "/v1/datasets/{name}",
    operationId: "putDataset",
    tags: ["Data sets"],
    summary: "Upload a data set",
    description:
      "In UTF-8, at most MAX_DATASET_BYTES. JSON lines: one object a line, `text` where experiments need a text, other fields as they are. " +
      "Plain text: where a line holds only `---`, texts are what stands between such lines; where none does, they are paragraphs, parted by blank lines. " +
      "Every row is checked before anything is kept; what does not come whole changes nothing.",
    request: { params: DatasetPath, body: { required: true, content: DATASET_CONTENT } },
    responses: {
      200: { description: "It took the place of the one of that name, or is the same.", content: info },
      201: {
        description: "It is there.",
        headers: { Location: { description: "Where the data set is.", schema: { type: "string" } } },
        content: info,
      },
      ...problems(
        "unauthorized",
        "conflict",
        "body_too_large",
        "unsupported_media_type",
        "invalid_request",
        "cancelled",
        "store_unavailable",
      ),
    },
  }),
  async (c, { datasets }) => {
    const { name } = c.req.valid("param");
    const format = uploadFormat(c);
    c.env?.hold?.();
    const { change, dataset } = await datasets.put(name, format, uploadBody(c));
    if (change === "created") c.header("Location", `/v1/datasets/${name}`);
    return json(c, details(dataset), change === "created" ? 201 : 200);
  },
);

/** `DELETE /v1/datasets/{name}` */
export const deleteDataset = endpoint(
  createRoute({
    method: "delete",
    path: "/v1/datasets/{name}",
    operationId: "deleteDataset",
    tags: ["Data sets"],
    summary: "Remove an uploaded data set",
    request: { params: DatasetPath },
    responses: { 204: { description: "It is gone." }, ...problems("unauthorized", "not_found", "conflict", "store_unavailable") },
  }),
  async (c, { datasets }) => {
    await datasets.remove(c.req.valid("param").name);
    return c.body(null, 204);
  },
);

function summary({ name, source, format, bytes, counts, sha256, createdAt }: ListedDataset): DatasetSummary {
  return {
    ...{ name, source, format, bytes, rows: counts?.rows ?? null, texts: counts?.texts ?? null, sha256 },
    created_at: createdAt.toISOString(),
  };
}

function details(dataset: DescribedDataset): DatasetInfo {
  const { rows, texts, fields, preview } = dataset.facts;
  return { ...summary(dataset), rows, texts, sha256: dataset.sha256, fields: [...fields], preview };
}
