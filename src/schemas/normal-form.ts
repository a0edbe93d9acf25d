/** The normal form of an intervention: what runs, step by step. */
import { z } from "@hono/zod-openapi";

const hash = z.string().describe("Of its contents.");
const amount = {
  times: z.number(),
  scale_by: z.literal("residual").optional().describe("times counts mean norms of the layer's untouched residual stream."),
};

/** What is added at a site, in the normal form. */
export const Addition = z
  .discriminatedUnion("from", [
    z.object({ from: z.literal("vector"), hash, ...amount }).openapi("VectorAddition"),
    z
      .object({
        from: z.literal("direction"),
        toward: z.int().nullable().describe("A token's id."),
        away: z.int().nullable(),
        ...amount,
      })
      .openapi("DirectionAddition"),
    z
      .object({ from: z.literal("mean"), hash: z.string().describe("Of the texts, in meta.means."), ...amount })
      .openapi("MeanAddition"),
    z
      .object({ from: z.literal("source"), hash: z.string().describe("Of a prompt, in meta.sources."), ...amount })
      .openapi("SourceAddition"),
  ])
  .openapi("Addition");

/** A component that is changed in a step, in the normal form. */
export const Scale = z
  .object({
    block: z.int(),
    site: z.enum(["resid_pre", "head", "attn", "neuron", "mlp", "resid_post"]),
    head: z.int().optional(),
    neurons: z.array(z.int()).optional().describe("At site neuron: ascending; absent: all."),
    scale: z.number().describe("What is there is multiplied with this."),
    add: z.array(Addition).optional().describe("And then these are added, where there are any."),
    positions: z.array(z.int()).optional().describe("Places in meta.tokens, ascending; absent: all."),
  })
  .openapi("Scale");

export const Step = z
  .object({
    blocks: z.array(z.int()).describe("The block that runs; several are a parallel group."),
    component: z.enum(["attn", "mlp"]).optional().describe("Only this half runs; absent: both."),
    scales: z.array(Scale).optional().describe("Only what differs from 1, or is added to."),
  })
  .openapi("Step");

/** The normal form of one variant: what runs, in order. */
export const Variant = z
  .object({ name: z.string(), steps: z.array(Step), hash: z.string().describe("Equal hashes: the same computation.") })
  .openapi("Variant");

export type Addition = z.infer<typeof Addition>;
export type Scale = z.infer<typeof Scale>;
export type Step = z.infer<typeof Step>;
export type Variant = z.infer<typeof Variant>;
