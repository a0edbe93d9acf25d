/** A row's numbers are its own: beside others, beside longer ones, alone, and wherever it is read. */
import type { EngineStats } from "../engine/protocol.ts";
import { Problem } from "../problem.ts";
import type { Check, CheckContext } from "./check.ts";
import { compareRuns } from "./compare.ts";
import { type Finding, Tally } from "./finding.ts";
import { EVERYTHING, finalOf, type Lab, type LabJob, type Observed } from "./lab.ts";
import { spread } from "./prompts.ts";

/** Calls are shared by chance of timing; a few repetitions make it certain. */
const MOST_TRIES = 5;

const POSITIONS = 4;

export const batchChecks: readonly Check[] = [
  {
    group: "batches",
    name: "prompts beside each other = each alone",
    run: (context) => {
      const { main, other } = context.prompts;
      return besides(context, [main, other, main.toReversed(), other.toReversed()]);
    },
  },
  {
    group: "batches",
    name: "padded to a longer prompt = alone",
    run: (context) => {
      const { main, middle, short, single } = context.prompts;
      return besides(context, [main, single, middle, short]);
    },
  },
  {
    group: "batches",
    name: "one position read = all positions read",
    run: async ({ lab, prompts: { main } }) => {
      const tally = tallyOn(lab.status.device);
      const { topIds, topLogprobs, entropyBits } = finalOf(await lab.observe({ tokens: main, readout: { topK: 16 } }));
      const k = topIds.length / main.length;
      for (const position of spread(main.length, POSITIONS)) {
        const one = finalOf(await lab.observe({ tokens: main, readout: { topK: 16, positions: [position] } }));
        const where = `position ${position}`;
        tally.compare(where, one.topLogprobs, topLogprobs.subarray(position * k, (position + 1) * k));
        tally.compare(where, one.entropyBits, entropyBits.subarray(position, position + 1));
      }
      return tally.finding();
    },
  },
  {
    group: "batches",
    name: "later tokens change nothing before them",
    run: async ({ lab, prompts: { main } }) => {
      if (main.length < 2) return { notRun: "the context has one position" };
      const tally = tallyOn(lab.status.device);
      const before = main.slice(0, -1);
      const shorter = finalOf(await lab.observe({ tokens: before, readout: { topK: 16 } }));
      const longer = finalOf(await lab.observe({ tokens: main, readout: { topK: 16, positions: [...before.keys()] } }));
      tally.compare("log-probabilities", longer.topLogprobs, shorter.topLogprobs);
      tally.compare("entropies", longer.entropyBits, shorter.entropyBits);
      return tally.finding();
    },
  },
];

/** Bit for bit on the CPU; a GPU's kernels may sum batches of other shapes in another order. */
function tallyOn(device: string): Tally {
  return new Tally(device === "cpu" ? "exact" : "relative");
}

/** All prompts at once, until they did share calls, against each by itself. */
async function besides({ lab }: CheckContext, prompts: readonly (readonly number[])[]): Promise<Finding> {
  const jobs = prompts.map((tokens): LabJob => ({ tokens, ...EVERYTHING }));
  const alone: Observed[] = [];
  for (const job of jobs) alone.push(await lab.observe(job));
  const tally = tallyOn(lab.status.device);
  const before = await sharedRows(lab, () => true);
  let shared = 0;
  for (let tries = 0; tries < MOST_TRIES && shared === 0; tries++) {
    const together = await lab.together(jobs);
    shared = (await sharedRows(lab, (rows) => rows > before)) - before;
    for (const [index, { tokens }] of jobs.entries())
      compareRuns(tally, `prompt of ${tokens.length} tokens`, together[index] as Observed, alone[index] as Observed);
  }
  if (shared === 0) throw new Problem("internal", `No two prompts shared a call in ${MOST_TRIES} attempts: nothing was tested.`);
  return tally.finding(`${shared} rows shared calls`);
}

/** Rows beyond one a call, since the engine started. */
async function sharedRows(lab: Lab, enough: (rows: number) => boolean): Promise<number> {
  const rows = ({ blockRows, blockCalls }: EngineStats) => blockRows - blockCalls;
  const stats = await lab.stats((now) => enough(rows(now)));
  return stats ? rows(stats) : 0;
}
