import { z } from "@hono/zod-openapi";

export const ExperimentFiles = z
  .object({
    files: z.array(
      z.object({
        name: z.string(),
        available: z.boolean().describe("Its texts have been computed."),
        url: z.string(),
      }),
    ),
  })
  .openapi("ExperimentFiles");

export type ExperimentFiles = z.infer<typeof ExperimentFiles>;
