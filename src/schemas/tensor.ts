import { z } from "@hono/zod-openapi";

/** An array of numbers, row-major. In msgpack `data` is a Float32Array. */
export const Tensor = z
  .object({
    dtype: z.literal("float32"),
    shape: z.array(z.int()),
    data: z.string().describe("Base64 of the numbers, little-endian; in msgpack a Float32Array."),
  })
  .openapi("Tensor");

export type Tensor = z.infer<typeof Tensor>;
