/** Direct logit attribution: what every part of a variant wrote along the directions of the targets' logits. */
import { inverseScales } from "../../metrics/vectors.ts";
import type { BlockRowResult } from "../backend/backend.ts";
import type { ModelSpec } from "../model-spec.ts";
import type { Attribution, RunJob } from "../protocol.ts";
import type { LogitDirections } from "../unembed.ts";
import { editsStream } from "./additions.ts";
import { type PrefixNode, pathTo } from "./prefix-tree.ts";

/** Products with the directions before the final norm's scale, [P, m] and of heads [P, H, m]. */
interface NodeProducts {
  readonly blocks: readonly {
    readonly block: number;
    readonly attn: Float32Array | null;
    readonly mlp: Float32Array | null;
    readonly heads: Float32Array | null;
  }[];
  /** Of the stream after the step; null where no edit of the run changes the stream itself. */
  readonly stream: Float32Array | null;
}

export class AttributionRecorder {
  readonly #spec: ModelSpec;
  readonly #targets: LogitDirections;
  readonly #positions: number;
  readonly #products = new Map<PrefixNode, NodeProducts>();
  #embedding: Float32Array = new Float32Array(0);
  /** Whether the streams' own numbers are needed at every step. */
  readonly needsStreams: boolean;

  constructor(job: RunJob, spec: ModelSpec, targets: LogitDirections) {
    this.#spec = spec;
    this.#targets = targets;
    this.#positions = job.readout.positions.length;
    this.needsStreams = job.schedules.some(({ steps }) =>
      steps.some((step) => step.some(({ edits }) => edits?.some(editsStream))),
    );
  }

  /** The embedding at the P positions, [P, d]. */
  embedded(root: PrefixNode, values: Float32Array): void {
    this.#embedding = this.#product(values);
    this.#products.set(root, { blocks: [], stream: this.needsStreams ? this.#embedding : null });
  }

  /** A step has run. `stream`: after it at the P positions, [P, d]; needed with `needsStreams`. */
  record(node: PrefixNode, results: readonly BlockRowResult[], stream: Float32Array | null): void {
    const step = node.step ?? [];
    const share = (values: Float32Array) => values.map((value) => value / step.length);
    const blocks = step.map(({ block, component }, index) => {
      const { attn, mlp, heads } = (results[index] as BlockRowResult).products as NonNullable<BlockRowResult["products"]>;
      const attends = component !== "mlp";
      return {
        block,
        attn: attends ? share(attn) : null,
        mlp: component === "attn" ? null : share(mlp),
        heads: attends ? share(heads) : null,
      };
    });
    this.#products.set(node, { blocks, stream: stream && this.needsStreams ? this.#product(stream) : null });
  }

  /** The attribution of the variant that ends at `node`, with the final norm's scale there. `final`: [P, d]. */
  of(node: PrefixNode, final: Float32Array): Attribution {
    const { dModel, finalNorm } = this.#spec;
    const scales = inverseScales(final, dModel, finalNorm.kind, finalNorm.epsilon);
    const scaled = (values: Float32Array) => {
      const width = values.length / this.#positions;
      return values.map((value, i) => value * (scales[Math.floor(i / width)] as number));
    };
    const path = pathTo(node);
    return {
      embedding: scaled(this.#embedding),
      bias: this.#targets.bias,
      steps: path.slice(1).map((at, index) => {
        const { blocks } = this.#products.get(at) as NodeProducts;
        const edit = this.#edit(path[index] as PrefixNode, at);
        return {
          step: at.depth,
          blocks: blocks.map(({ block, attn, mlp, heads }) => ({
            block,
            attn: attn && scaled(attn),
            mlp: mlp && scaled(mlp),
            heads: heads && scaled(heads),
          })),
          edit: edit && scaled(edit),
        };
      }),
    };
  }

  /** What a step changed in the stream beyond what its components wrote. */
  #edit(before: PrefixNode, after: PrefixNode): Float32Array | null {
    if (!after.step?.some(({ edits }) => edits?.some(editsStream))) return null;
    const { blocks, stream } = this.#products.get(after) as NodeProducts;
    const from = this.#products.get(before)?.stream as Float32Array;
    return (stream as Float32Array).map((value, i) =>
      blocks.reduce((rest, { attn, mlp }) => rest - (attn?.[i] ?? 0) - (mlp?.[i] ?? 0), value - (from[i] as number)),
    );
  }

  /** [n, d] · [m, d]ᵀ, in float64. → [n, m] */
  #product(values: Float32Array): Float32Array {
    const { directions } = this.#targets;
    const d = this.#spec.dModel;
    const m = directions.length / d;
    const n = values.length / d;
    return Float32Array.from({ length: n * m }, (_, at) => {
      const row = Math.floor(at / m) * d;
      const column = (at % m) * d;
      let sum = 0;
      for (let i = 0; i < d; i++) sum += (values[row + i] as number) * (directions[column + i] as number);
      return sum;
    });
  }
}
