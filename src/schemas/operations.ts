import { z } from "@hono/zod-openapi";
import {
  MAX_HEADS,
  MAX_LAYERS,
  MAX_OPERATIONS,
  MAX_POSITIONS,
  MAX_SCALE,
  MAX_SEED,
  MAX_STEPS,
  MAX_TIMES,
  MAX_TOKENS,
} from "./limits.ts";
import { unavailableAblation, unavailableComponent } from "./unavailable.ts";

const layer = z
  .int()
  .min(0)
  .max(MAX_LAYERS - 1);

/** Layers of the model. */
export const Layers = z
  .union([
    z.array(layer).min(1).max(MAX_LAYERS),
    z.strictObject({ from: layer, to: layer }).describe("A range of layers, both ends included."),
  ])
  .openapi("Layers", { description: "Layers of the model, 0-based: a list, or a range with both ends included." });

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
  .strictObject({ op: z.literal("replace"), layer, with: layer.describe("The layer that runs in its place.") })
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
      .describe("Layers in the order they run; a list within the list is a parallel group."),
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

export const AblateOperation = z
  .strictObject({
    op: z.literal("ablate"),
    component: z.enum(["attn", "mlp", "head"], { error: (issue) => unavailableComponent(issue.input) }),
    layers: Layers,
    heads: z
      .array(
        z
          .int()
          .min(0)
          .max(MAX_HEADS - 1),
      )
      .min(1)
      .max(MAX_HEADS)
      .optional()
      .describe("With component head, and only then: the heads."),
    with: z
      .union([z.literal("zero"), z.strictObject({ scale: z.number().min(-MAX_SCALE).max(MAX_SCALE) })], {
        error: (issue) => unavailableAblation(issue.input),
      })
      .default("zero"),
    positions: Positions.default("all"),
  })
  .openapi("AblateOperation", {
    description:
      "Scale what a component adds to the residual stream, wherever its block stands. A head is scaled before the output projection.",
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
