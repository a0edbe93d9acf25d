import { z } from "@hono/zod-openapi";
import {
  MAX_HEADS,
  MAX_LAYERS,
  MAX_NEURONS,
  MAX_OPERATIONS,
  MAX_POSITIONS,
  MAX_SCALE,
  MAX_SEED,
  MAX_STEER,
  MAX_STEPS,
  MAX_TIMES,
  MAX_TOKENS,
  MAX_WIDTH,
} from "./limits.ts";
import { Mean } from "./mean.ts";
import { PatchSource } from "./source.ts";
import { TokenName } from "./token-name.ts";

/** A layer of the model, 0-based; a negative one counts from the end. */
const layer = z
  .int()
  .min(-MAX_LAYERS)
  .max(MAX_LAYERS - 1)
  .describe("0-based; a negative one counts from the end.");

/** Layers of the model. */
export const Layers = z
  .union([
    z.array(layer).min(1).max(MAX_LAYERS),
    z.strictObject({ from: layer, to: layer }).describe("A range of layers, both ends included."),
  ])
  .openapi("Layers", {
    description: "Layers of the model, 0-based; negative ones count from the end: a list, or a range with both ends included.",
  });

/** Places in the run's tokens. */
export const Positions = z
  .union([z.literal("all"), z.array(z.int().min(-MAX_TOKENS).max(MAX_TOKENS)).min(1).max(MAX_POSITIONS)])
  .openapi("Positions", {
    description: 'Places in meta.tokens, BOS included: "all", or a list; negative ones count from the end.',
  });

const times = z.int().min(1).max(MAX_TIMES);

export const DeleteOperation = z
  .strictObject({ op: z.literal("delete"), layers: Layers })
  .openapi("DeleteOperation", { description: "These blocks do not run: the residual stream passes through." });

export const SwapOperation = z
  .strictObject({ op: z.literal("swap"), layers: Layers })
  .openapi("SwapOperation", { description: "Two blocks exchange places." });

export const RepeatOperation = z
  .strictObject({
    op: z.literal("repeat"),
    layers: Layers,
    times: times.default(2).describe("How often they run in all."),
    mode: z.enum(["each", "span"]).default("each").describe("each: 4 4 5 5. span: 4 5 4 5; needs neighbours."),
  })
  .openapi("RepeatOperation", { description: "These blocks run several times." });

export const ReverseOperation = z
  .strictObject({ op: z.literal("reverse"), layers: Layers })
  .openapi("ReverseOperation", { description: "These blocks run in the opposite order, in the places that they occupy." });

export const ShuffleOperation = z
  .strictObject({ op: z.literal("shuffle"), layers: Layers, seed: z.int().min(0).max(MAX_SEED).default(0) })
  .openapi("ShuffleOperation", {
    description:
      "These blocks run in an order drawn by PCG32 from the seed (Fisher–Yates, unbiased), in the places that they occupy.",
  });

export const ReplaceOperation = z
  .strictObject({
    op: z.literal("replace"),
    layer,
    with: layer.describe("The layer that runs in its place; a negative one counts from the end."),
  })
  .openapi("ReplaceOperation", { description: "Another block of the model runs in the place of this one." });

export const ExitOperation = z
  .strictObject({ op: z.literal("exit"), after: layer })
  .openapi("ExitOperation", { description: "Stop after the last time that this block stands, and read out there." });

export const OrderOperation = z
  .strictObject({
    op: z.literal("order"),
    layers: z
      .array(z.union([layer, z.array(layer).min(1).max(MAX_LAYERS)]))
      .max(MAX_STEPS)
      .describe("Layers in the order they run, negative ones counted from the end; a list within the list is a parallel group."),
  })
  .openapi("OrderOperation", { description: "An explicit order; layers that are not listed do not run." });

export const ParallelOperation = z
  .strictObject({ op: z.literal("parallel"), layers: Layers, times: times.default(1) })
  .openapi("ParallelOperation", { description: "These neighbours run side by side: x becomes the mean over them of block(x)." });

export const SublayersOperation = z
  .strictObject({
    op: z.literal("sublayers"),
    steps: z.array(z.strictObject({ layer, component: z.enum(["attn", "mlp", "block"]).default("block") })).max(MAX_STEPS),
  })
  .openapi("SublayersOperation", { description: "An explicit order of halves of blocks (attn, mlp) and whole blocks." });

/** Heads of a layer. */
export const Heads = z
  .array(
    z
      .int()
      .min(0)
      .max(MAX_HEADS - 1),
  )
  .min(1)
  .max(MAX_HEADS);

/** Neurons of a layer's MLP. */
export const Neurons = z
  .array(
    z
      .int()
      .min(0)
      .max(MAX_NEURONS - 1),
  )
  .min(1)
  .max(MAX_NEURONS);

export const AblateOperation = z
  .strictObject({
    op: z.literal("ablate"),
    component: z.enum(["attn", "mlp", "head", "neuron"]),
    layers: Layers,
    heads: Heads.optional().describe("With component head, and only then: the heads."),
    neurons: Neurons.optional().describe("With component neuron, and only then: the neurons, 0 to d_mlp − 1."),
    with: z
      .union([
        z.literal("zero"),
        z.strictObject({
          scale: z.number().min(-MAX_SCALE).max(MAX_SCALE).optional().describe("Multiplied with this."),
          mean: Mean.optional(),
        }),
      ])
      .superRefine((value, context) => {
        if (value === "zero" || (value.scale === undefined) !== (value.mean === undefined)) return;
        context.addIssue({
          code: "custom",
          message: value.mean ? "give either scale or mean, not both" : "is empty: give scale or mean",
        });
      })
      .default("zero"),
    positions: Positions.default("all"),
  })
  .openapi("AblateOperation", {
    description:
      "Silence or scale what a component adds to the residual stream, or put its mean there, wherever its block stands. A head is changed before the output projection, a neuron before the MLP's.",
  });

export const SteerOperation = z
  .strictObject({
    op: z.literal("steer"),
    layer,
    vector: z
      .array(z.number().min(-MAX_STEER).max(MAX_STEER))
      .min(1)
      .max(MAX_WIDTH)
      .optional()
      .describe("d_model numbers. Either this, or toward, away or both."),
    toward: TokenName.optional().describe("A token's direction in the unembedding, of length 1."),
    away: TokenName.optional().describe("The opposite of a token's direction; with toward, the difference of the two."),
    scale: z.number().min(-MAX_STEER).max(MAX_STEER).default(1).describe("What is added is multiplied with this."),
    scale_by: z
      .enum(["unit", "residual"])
      .default("unit")
      .describe(
        "residual: scale counts mean norms of this layer's untouched residual stream; a vector is brought to length 1 first.",
      ),
    positions: Positions.default("all"),
  })
  .superRefine(({ vector, toward, away }, context) => {
    const direction = toward !== undefined || away !== undefined;
    if (vector === undefined && !direction)
      context.addIssue({ code: "custom", path: ["vector"], message: "is required: a vector, or toward or away in its place" });
    if (vector !== undefined && direction)
      context.addIssue({ code: "custom", path: ["vector"], message: "give either a vector, or toward and away, not both" });
  })
  .openapi("SteerOperation", {
    description: "Add a vector to the residual stream that a layer leaves, wherever its block stands.",
  });

/** What `patch` can take from another prompt. */
export const PatchComponent = z.enum(["resid_pre", "attn_out", "mlp_out", "head"]).openapi("PatchComponent", {
  description: "resid_pre: the stream that the layer reads; attn_out, mlp_out: what its halves add; head: single heads' outputs.",
});

export const PatchOperation = z
  .strictObject({
    op: z.literal("patch"),
    component: PatchComponent,
    layers: Layers,
    heads: Heads.optional().describe("With component head, and only then: the heads."),
    positions: Positions.default("all").describe("Where; the source must have these positions too."),
    source: PatchSource,
  })
  .openapi("PatchOperation", {
    description: "Put in what another prompt's untouched run has there, at the same layers, components and positions.",
  });

/** Any operation. */
export const Operation = z
  .discriminatedUnion("op", [
    DeleteOperation,
    SwapOperation,
    RepeatOperation,
    ReverseOperation,
    ShuffleOperation,
    ReplaceOperation,
    ExitOperation,
    OrderOperation,
    ParallelOperation,
    SublayersOperation,
    AblateOperation,
    SteerOperation,
    PatchOperation,
  ])
  .openapi("Operation", {
    description: "One change of the schedule. Every operation names blocks of the model and acts where they now stand.",
  });

/** Operations, which compose in the order given. */
export const Operations = z.array(Operation).max(MAX_OPERATIONS);

export type Layers = z.infer<typeof Layers>;
export type Positions = z.infer<typeof Positions>;
export type Operation = z.infer<typeof Operation>;
export type OperationName = Operation["op"];
/** The operation of a name. */
export type OperationOf<Name extends OperationName> = Extract<Operation, { op: Name }>;

/** The operations that this version has, in the order of the documentation. */
export const OPERATION_NAMES: readonly OperationName[] = Operation.options.map((option) => option.shape.op.value);
