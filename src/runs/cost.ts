/** What a run will take, before it is started. */
import { QUERY_BLOCK } from "../engine/graph/attention.ts";
import type { CaptureName, RunJob } from "../engine/protocol.ts";
import { type Schedule, type Site, type Step, stepKey } from "../engine/schedule.ts";
import type { RunCost } from "../schemas/runs.ts";
import type { ServedModel } from "./served-models.ts";

export interface CostEstimate {
  readonly cost: RunCost;
  /** Residual streams, what is kept of read-outs, and the arrays of one call. */
  readonly memoryBytes: number;
  /** Text of all events. */
  readonly logBytes: number;
  /** What attention patterns take of both. */
  readonly patterns: { readonly memoryBytes: number; readonly logBytes: number };
}

type Sizes = Pick<ServedModel, "nLayers" | "dModel" | "nHeads" | "dMlp" | "vocabSize">;

/** Positions that one call of a block computes at most, about: so that its activations stay in the cache; one prompt always. */
const POSITIONS_PER_CALL = 1024;
/** [n, d_model] and [n, d_mlp] arrays that are alive at once in a call, measured at 4,096 positions. */
const STREAM_ARRAYS = 10;
const MLP_ARRAYS = 4;
/**
 * [heads, T, T] arrays alive at once where patterns are asked for (measured: 8.7): scores and weights in the runtime, whose
 * memory grows in powers of two, and the copies on their way.
 */
const PATTERN_ARRAYS = 9;
/** Characters of an event's parts, measured and rounded up. */
const TEXT = {
  event: 120,
  readout: 160,
  top: 52,
  target: 90,
  norms: 90,
  weight: 12,
  comparison: 160,
  step: 16,
  number: 14,
} as const;
/** Offsets of attention locality, times its three tables. */
const LOCALITY_NUMBERS = 16 * 3;

/** Estimates a run. */
export function estimateCost(model: Sizes, job: Omit<RunJob, "id" | "model" | "priority">): CostEstimate {
  const { schedules, readout, capture, vectors = [] } = job;
  // Mean norms are those of the prompt's own untouched run, which goes beside the others as sources do.
  const sources = [...(job.sources ?? []), ...(countsNorms(schedules) ? [{ tokens: job.tokens }] : [])];
  const tokens = job.tokens.length;
  const tree = shared(schedules);
  const { nLayers, dModel: d, dMlp, nHeads, vocabSize } = model;
  const positions = readout.positions.length;
  const readoutRows =
    positions * ((readout.layers === "all" ? tree.nodes : schedules.length) + (job.normalise === undefined ? 0 : 1));
  const blockFlops = (length: number) => 2 * length * (4 * d * d + 2 * d * dMlp) + 4 * length * length * d;
  const perCall = (STREAM_ARRAYS * d + MLP_ARRAYS * dMlp + 2 * QUERY_BLOCK * nHeads) * 4;
  const patternBytes = patternMemory(model, job, tree.rowBlocks);
  const sourceTokens = sources.reduce((sum, source) => sum + source.tokens.length, 0);
  const memoryBytes =
    schedules.length * tokens * d * 4 * 2 +
    readoutRows * (d + 8 + 3 * readout.topK) * 4 +
    Math.max(tokens, Math.min(POSITIONS_PER_CALL, schedules.length * tokens)) * perCall +
    patternBytes +
    sourceTokens * d * 4 * 2 +
    keptOfSources(model, job) +
    vectors.reduce((sum, vector) => sum + (vector.kind === "values" ? Math.max(vector.values.length, d) : d) * 4, 0) +
    (capture.includes("attribution") ? tree.rowBlocks * positions * (nHeads + 3) * readout.targets.length * 4 : 0);

  const followed = readout.targets.length * TEXT.target;
  const read = positions * (TEXT.readout + readout.topK * TEXT.top + followed);
  const steps = schedules.reduce((sum, schedule) => sum + schedule.steps.length + 1, 0);
  const captured = captureBytes(model, job);
  // Steps with nothing to tell have no event.
  const events = readout.layers === "all" || captured > 0 ? steps : schedules.length;
  const perEvent = TEXT.event + (readout.layers === "all" ? read : 0) + captured;
  const attribution = capture.includes("attribution") ? positions * readout.targets.length * (nHeads + 3) * TEXT.number : 0;
  return {
    cost: {
      rows: schedules.length + sources.length,
      row_blocks: tree.rowBlocks + sources.length * nLayers,
      block_calls: tree.calls,
      readout_rows: readoutRows,
      flops:
        tree.rowBlocks * blockFlops(tokens) +
        sources.reduce((sum, source) => sum + nLayers * blockFlops(source.tokens.length), 0) +
        2 * readoutRows * d * vocabSize,
    },
    memoryBytes: Math.ceil(memoryBytes),
    logBytes: Math.ceil(
      events * perEvent +
        steps * (TEXT.step + attribution) +
        schedules.length * ((readout.layers === "all" ? 1 : 2) * read + positions * TEXT.comparison) +
        (tokens + sourceTokens) * 60,
    ),
    patterns: { memoryBytes: patternBytes, logBytes: capture.includes("patterns") ? steps * patternText(model, tokens) : 0 },
  };
}

/** Bytes that patterns take while a call shows them; the frozen-norm lens keeps those of all steps until a schedule ends. */
function patternMemory(
  { nHeads }: Sizes,
  { capture, cells, tokens: { length }, schedules, readout }: Parameters<typeof estimateCost>[1],
  rowBlocks: number,
): number {
  const shown = capture.includes("patterns");
  if (!shown && !capture.includes("attention_locality") && cells === undefined) return 0;
  const rows = Math.max(1, Math.min(schedules.length, Math.floor(POSITIONS_PER_CALL / length)));
  const kept = shown && readout.lens === "frozen-norm" ? rowBlocks : 0;
  return (PATTERN_ARRAYS * rows + kept) * nHeads * length * length * 4;
}

/** Text of one layer's patterns. */
function patternText({ nHeads }: Sizes, tokens: number): number {
  return nHeads * tokens * tokens * TEXT.weight;
}

/** Text that captures add to an event. */
function captureBytes(model: Sizes, { capture, readout, tokens, neurons }: Parameters<typeof estimateCost>[1]): number {
  const { dModel: d, nHeads } = model;
  const positions = readout.positions.length;
  const each: Partial<Record<CaptureName, number>> = {
    norms: positions * TEXT.norms,
    patterns: patternText(model, tokens.length),
    attention_locality: nHeads * LOCALITY_NUMBERS * 20,
    head_norms: positions * nHeads * TEXT.number,
    neurons: positions * ((neurons?.top ?? 0) + (neurons?.chosen[0]?.neurons.length ?? 0)) * (TEXT.number + 7),
    // Base64 of float32.
    residuals: TEXT.event + Math.ceil((positions * d * 16) / 3),
    components: 2 * (TEXT.event + Math.ceil((positions * d * 16) / 3)),
  };
  return capture.reduce((sum, name) => sum + (each[name] ?? 0), 0);
}

function countsNorms(schedules: readonly Schedule[]): boolean {
  const uses = new Set(schedules.flatMap(({ steps }) => steps.flat()));
  return [...uses].some(({ edits = [] }) => edits.some(({ add = [] }) => add.some(({ perResidual }) => perResidual)));
}

/** Bytes of what edits take from sources: a site of a block is kept once, at all of the source's positions. */
function keptOfSources({ dModel, dMlp }: Sizes, { schedules, sources = [] }: Pick<RunJob, "schedules" | "sources">): number {
  const kept = new Map<string, number>();
  for (const use of new Set(schedules.flatMap(({ steps }) => steps.flat()))) {
    for (const { site, add = [] } of use.edits ?? []) {
      for (const { from, index } of add) {
        if (from !== "source") continue;
        const width: Partial<Record<Site, number>> = { mlp_act: dMlp };
        kept.set(`${index} ${use.block} ${site}`, (sources[index]?.tokens.length ?? 0) * (width[site] ?? dModel) * 4);
      }
    }
  }
  return [...kept.values()].reduce((sum, bytes) => sum + bytes, 0);
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
