/** What a run's captures take where an experiment gathers them. */
import type { CaptureName, RunJob } from "../engine/protocol.ts";
import { estimateCost } from "../runs/cost.ts";
import type { ServedModel } from "../runs/served-models.ts";

type Sizes = Pick<ServedModel, "nLayers" | "dModel" | "nHeads" | "headDim" | "dMlp" | "vocabSize">;

/** Bytes that a job holds, in the engine and as what it has said so far. */
export function jobBytes(model: Sizes, job: RunJob): number {
  return estimateCost(model, job).memoryBytes + capturedBytes(model, job);
}

/** float32 of all steps that are captured, and the embedding; steps that schedules share are counted for each. */
function capturedBytes({ dModel: d, nHeads, headDim, dMlp }: Sizes, job: RunJob): number {
  const { capture, tokens, schedules } = job;
  const positions = (job.capturePositions ?? job.readout.positions).length;
  const perStep: Partial<Record<CaptureName, number>> = {
    residuals: positions * d,
    components: 2 * positions * d,
    z: positions * nHeads * headDim,
    mlp_act: positions * dMlp,
    patterns: nHeads * tokens.length ** 2,
  };
  const numbers = capture.reduce((sum, name) => sum + (perStep[name] ?? 0), 0);
  const captured = schedules.flatMap(({ steps }) =>
    steps.filter((step) => step.some(({ block }) => job.captureBlocks?.includes(block) ?? true)),
  );
  return (captured.length + schedules.length) * numbers * 4;
}
