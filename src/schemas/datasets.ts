import { z } from "@hono/zod-openapi";

export const DatasetSummary = z
  .object({
    name: z.string(),
    source: z
      .enum(["shipped", "folder", "uploaded"])
      .describe(
        "`shipped`: with the service; `folder`: in DATASETS_DIR; `uploaded`: through the API, where alone it can be removed.",
      ),
    format: z.enum(["jsonl", "text"]).describe("`jsonl`: one JSON object a line; `text`: plain text."),
    bytes: z.int(),
    rows: z.int().nullable().describe("How many there are; null: it has not been read yet."),
    texts: z.int().nullable().describe("How many rows have a `text`, or `messages`; null: it has not been read yet."),
    sha256: z.string().nullable().describe("Of its bytes, hexadecimal; null: it has not been read yet."),
    created_at: z.iso.datetime().describe("When it was uploaded, or its file last changed."),
  })
  .openapi("DatasetSummary");

export const DatasetList = z
  .object({ datasets: z.array(DatasetSummary).describe("In the order of their names.") })
  .openapi("DatasetList");

export const DatasetInfo = DatasetSummary.extend({
  rows: z.int().describe("How many there are."),
  texts: z.int().describe("How many rows have a `text`, or `messages`."),
  sha256: z.string().describe("Of its bytes, hexadecimal."),
  fields: z.array(z.string()).describe("Of the first row, at most 50."),
  preview: z.string().nullable().describe("Where the first row's text begins, at most 200 characters; null: it has none."),
}).openapi("DatasetInfo");

export type DatasetSummary = z.infer<typeof DatasetSummary>;
export type DatasetList = z.infer<typeof DatasetList>;
export type DatasetInfo = z.infer<typeof DatasetInfo>;
