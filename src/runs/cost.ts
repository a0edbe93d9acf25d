/** What a run will take, before it is started. */
import type { CaptureName, ReadoutSpec } from "../engine/protocol.ts";
import { type Schedule, type Step, stepKey } from "../engine/schedule.ts";
import { Problem } from "../problem.ts";
import type { RunCost } from "../schemas/runs.ts";
import type { ServedModel } from "./served-models.ts";

export interface CostEstimate {
  readonly cost: RunCost;
  /** Residual streams, what is kept of read-outs, and the arrays of one call. */
  readonly memoryBytes: number;
  /** Text of all events. */
  readonly logBytes: number;
}

export interface CostLimits {
  readonly maxRunMemoryBytes: number;
  readonly maxRunLogBytes: number;
}

type Sizes = Pick<ServedModel, "nLayers" | "dModel" | "nHeads" | "dMlp" | "vocabSize">;

/** Positions that one call of a block computes at most, about: so that its activations stay in the cache. */
const POSITIONS_PER_CALL = 1024;
/** Characters of an event's parts, measured and rounded up. */
const TEXT = { event: 120, readout: 160, top: 52, target: 90, norms: 90, weight: 12, comparison: 160 } as const;
/** Offsets of attention locality, times its three tables. */
const LOCALITY_NUMBERS = 16 * 3;

/** Estimates a run of `schedules` over a prompt of `tokens` tokens. */
export function estimateCost(
  model: Sizes,
  schedules: readonly Schedule[],
  tokens: number,
  readout: ReadoutSpec,
  capture: readonly CaptureName[],
): CostEstimate {
  const tree = shared(schedules);
  const { dModel: d, dMlp, nHeads, vocabSize } = model;
  const positions = readout.positions.length;
  const readoutRows = positions * (readout.layers === "all" ? tree.nodes : schedules.length);
  const blockFlops = 2 * tokens * (4 * d * d + 2 * d * dMlp) + 4 * tokens * tokens * d;
  const patterns = capture.includes("patterns") || capture.includes("attention_locality");
  const perCall = Math.min(POSITIONS_PER_CALL, schedules.length * tokens) * (8 * d + 2 * dMlp) * 4;
  const memoryBytes =
    schedules.length * tokens * d * 4 * 2 +
    readoutRows * (d + 8 + 3 * readout.topK) * 4 +
    perCall +
    (patterns ? nHeads * tokens * tokens * 4 : 0);

  const read = positions * (TEXT.readout + readout.topK * TEXT.top + readout.targets.length * TEXT.target);
  const steps = schedules.reduce((sum, schedule) => sum + schedule.steps.length + 1, 0);
  const perStep =
    TEXT.event +
    (readout.layers === "all" ? read : 0) +
    (capture.includes("norms") ? positions * TEXT.norms : 0) +
    (capture.includes("patterns") ? nHeads * tokens * tokens * TEXT.weight : 0) +
    (capture.includes("attention_locality") ? nHeads * LOCALITY_NUMBERS * 20 : 0);
  return {
    cost: {
      rows: schedules.length,
      row_blocks: tree.rowBlocks,
      block_calls: tree.calls,
      readout_rows: readoutRows,
      flops: tree.rowBlocks * blockFlops + 2 * readoutRows * d * vocabSize,
    },
    memoryBytes: Math.ceil(memoryBytes),
    logBytes: steps * perStep + schedules.length * (read + positions * TEXT.comparison) + tokens * 60,
  };
}

/** Refuses what can never fit, with both numbers. */
export function checkFits({ memoryBytes, logBytes }: CostEstimate, limits: CostLimits): void {
  if (memoryBytes > limits.maxRunMemoryBytes) {
    throw new Problem(
      "run_too_large",
      `The run would hold about ${memoryBytes} bytes beside the model; MAX_RUN_MEMORY_BYTES allows ${limits.maxRunMemoryBytes}. ` +
        "Fewer variants, positions or tokens take less.",
    );
  }
  if (logBytes > limits.maxRunLogBytes) {
    throw new Problem(
      "run_too_large",
      `The run's events would be about ${logBytes} bytes of text; MAX_RUN_LOG_BYTES allows ${limits.maxRunLogBytes}. ` +
        'Fewer positions, a smaller top_k, "layers": "final" or no patterns take less.',
    );
  }
}

interface Node {
  readonly step: Step | null;
  readonly children: Map<string, Node>;
}

/** The schedules as a tree of what they share: its size, and the calls when the block lowest in the model goes first. */
function shared(schedules: readonly Schedule[]): { nodes: number; rowBlocks: number; calls: number } {
  const root: Node = { step: null, children: new Map() };
  const keys = new Map<Step, string>();
  let nodes = 1;
  let rowBlocks = 0;
  for (const { steps } of schedules) {
    let node = root;
    for (const step of steps) {
      let key = keys.get(step);
      if (key === undefined) {
        key = stepKey(step);
        keys.set(step, key);
      }
      let child = node.children.get(key);
      if (!child) {
        child = { step, children: new Map() };
        node.children.set(key, child);
        nodes++;
        rowBlocks += step.length;
      }
      node = child;
    }
  }
  return { nodes, rowBlocks, calls: countCalls(root) };
}

function countCalls(root: Node): number {
  const waiting = new Map<number, Node[]>();
  const wait = (node: Node) => {
    for (const child of node.children.values()) {
      const block = child.step?.[0]?.block ?? 0;
      const known = waiting.get(block);
      if (known) known.push(child);
      else waiting.set(block, [child]);
    }
  };
  wait(root);
  let calls = 0;
  while (waiting.size > 0) {
    const block = Math.min(...waiting.keys());
    const ready = waiting.get(block) as Node[];
    waiting.delete(block);
    calls += ready.reduce((most, { step }) => Math.max(most, step?.length ?? 1), 1);
    for (const node of ready) wait(node);
  }
  return calls;
}
