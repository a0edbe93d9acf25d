/** Laws that hold of every model and need no reference; the runs that are compared share no computation. */
import type { BlockUse, Edit, Schedule, Site, Step } from "../engine/schedule.ts";
import type { Operation } from "../schemas/operations.ts";
import type { Check, CheckContext } from "./check.ts";
import { compareLayers, compareReadouts, compareRuns } from "./compare.ts";
import { Tally } from "./finding.ts";
import { EVERYTHING, finalOf, type Lab, layerOf, type Observed, range, scheduleOf } from "./lab.ts";
import { variantJob } from "./operations.ts";
import { spread } from "./prompts.ts";

/** Blocks that are tried one by one, of models with more. */
const MOST_BLOCKS = 12;
const MOST_PAIRS = 4;

const SITES: readonly Site[] = ["resid_pre", "z", "attn_out", "mlp_act", "mlp_out", "resid_post"];

const PARTS = [
  { site: "z", head: 0 },
  { site: "mlp_act", neurons: [0] },
] as const satisfies Omit<Edit, "scale">[];

export const lawChecks: readonly Check[] = [
  {
    group: "laws",
    name: "a run repeated has the same bits",
    run: async ({ lab, prompts: { main } }) => {
      const tally = new Tally("exact");
      compareRuns(tally, "again", await untouched(lab, main), await untouched(lab, main));
      return tally.finding();
    },
  },
  {
    group: "laws",
    name: "swap twice = baseline",
    run: (context) => {
      const { nLayers } = context.lab.spec;
      if (nLayers < 2) return Promise.resolve({ notRun: "the model has one layer" });
      const pairs = spread(nLayers - 1, MOST_PAIRS).map((i): [number, number] => [i, i + 1]);
      if (nLayers > 2) pairs.push([0, nLayers - 1]);
      const cases = pairs.map(([i, j]): [string, Operation[]] => {
        const swap: Operation = { op: "swap", layers: [i, j] };
        return [`layers ${i} and ${j}`, [swap, swap]];
      });
      return changesNothing(context, cases);
    },
  },
  {
    group: "laws",
    name: "order 0 … L−1 = baseline",
    run: (context) => changesNothing(context, [["order", [{ op: "order", layers: range(context.lab.spec.nLayers) }]]]),
  },
  {
    group: "laws",
    name: "every scale 1 = baseline",
    run: async ({ lab, prompts: { main } }) => {
      const tally = new Tally("exact");
      // Without norms: those of an edited stream are summed beside the graph, in float64, and differ in their last bits.
      const shown = { ...EVERYTHING, capture: ["residuals"] as const };
      const baseline = await lab.observe({ tokens: main, ...shown });
      // A head and a neuron by name beside the whole sites: they are fed to the graph differently.
      const cases = { "every site": SITES.map((site) => ({ site })), "a head and a neuron": PARTS };
      for (const [name, sites] of Object.entries(cases)) {
        const edits = sites.map((at): Edit => ({ ...at, scale: 1 }));
        compareRuns(tally, name, await lab.observe({ tokens: main, schedules: [everyBlock(lab, edits)], ...shown }), baseline);
      }
      return tally.finding();
    },
  },
  {
    group: "laws",
    name: "delete = both components at scale 0",
    run: async ({ lab, prompts: { main } }) => {
      const tally = new Tally("exact");
      const L = lab.spec.nLayers;
      const blocks = spread(L, MOST_BLOCKS);
      const silent: Edit[] = [
        { site: "attn_out", scale: 0 },
        { site: "mlp_out", scale: 0 },
      ];
      for (const i of blocks) {
        const deleted = await lab.observe({ ...variantJob(lab.spec, main, [{ op: "delete", layers: [i] }]), ...EVERYTHING });
        const scaled = await run(lab, main, scaledAt(lab, i, silent));
        compareLayers(tally, `layer ${i}`, streamOf(layerOf(scaled, L)), streamOf(layerOf(deleted, L - 1)));
        compareReadouts(tally, `layer ${i}`, finalOf(scaled), finalOf(deleted));
      }
      return tally.finding(blocks.length < L ? `${blocks.length} of ${L} layers` : null);
    },
  },
  {
    group: "laws",
    name: "every layer deleted = embedding read out",
    run: async ({ lab, prompts: { main } }) => {
      const tally = new Tally("exact");
      const all: Operation = { op: "delete", layers: range(lab.spec.nLayers) };
      const nothing = await lab.observe({ ...variantJob(lab.spec, main, [all]), readout: { topK: 16 } });
      compareReadouts(tally, "embedding", finalOf(nothing), layerOf(await untouched(lab, main), 0)?.readout);
      return tally.finding();
    },
  },
  {
    group: "laws",
    name: "the lens after the last layer = the output",
    run: async ({ lab, prompts: { main } }) => {
      const tally = new Tally("exact");
      const end = await lab.observe({ tokens: main, readout: { topK: 16 } });
      compareReadouts(tally, "last layer", layerOf(await untouched(lab, main), lab.spec.nLayers)?.readout, finalOf(end));
      return tally.finding();
    },
  },
  {
    group: "laws",
    name: "KL(p‖p) = 0",
    run: async ({ lab, prompts: { main } }) => {
      const tally = new Tally("exact");
      const same = everyBlock(lab, [{ site: "attn_out", scale: 1 }]);
      const schedules = [scheduleOf("baseline", range(lab.spec.nLayers)), same];
      const { result } = await lab.observe({ tokens: main, schedules, baseline: 0, readout: { layers: "all" } });
      const zeros = new Float64Array(main.length);
      const [comparison] = result.comparisons;
      tally.compare("the same model again", comparison?.klNats, zeros);
      tally.compare(
        "top token kept",
        comparison?.top1Agreement.map(Number),
        zeros.map(() => 1),
      );
      tally.compare("the last layer's lens", result.variants[0]?.layers.at(-1)?.klFinalNats, zeros);
      return tally.finding();
    },
  },
  {
    group: "laws",
    name: "patched from the same prompt = baseline",
    run: (context) => {
      const { lab, prompts } = context;
      const source = { tokens: [...prompts.main] };
      const cases = spread(lab.spec.nLayers, MOST_PAIRS).flatMap((i) =>
        (["resid_pre", "attn_out", "mlp_out", "head"] as const).map((component): [string, Operation[]] => [
          `${component} of layer ${i}`,
          [{ op: "patch", component, layers: [i], positions: "all", source, ...(component === "head" && { heads: [0] }) }],
        ]),
      );
      return changesNothing(context, cases);
    },
  },
  {
    group: "laws",
    name: "another prompt's stream = that prompt",
    run: async ({ lab, prompts: { main, other } }) => {
      const tally = new Tally("exact");
      const expected = await lab.observe({ tokens: other, readout: { topK: 16 } });
      for (const i of spread(lab.spec.nLayers, MOST_PAIRS)) {
        const patch: Operation = {
          ...{ op: "patch", component: "resid_pre", layers: [i], positions: "all" },
          source: { tokens: [...other] },
        };
        const patched = await lab.observe({ ...variantJob(lab.spec, main, [patch]), readout: { topK: 16 } });
        const [a, b] = [finalOf(patched), finalOf(expected)];
        tally.compare(`layer ${i}`, a.topIds, b.topIds);
        tally.compare(`layer ${i}`, a.topLogprobs, b.topLogprobs);
        tally.compare(`layer ${i}`, a.entropyBits, b.entropyBits);
      }
      return tally.finding();
    },
  },
];

function untouched(lab: Lab, tokens: readonly number[]): Promise<Observed> {
  return lab.observe({ tokens, ...EVERYTHING });
}

function run(lab: Lab, tokens: readonly number[], schedule: Schedule): Promise<Observed> {
  return lab.observe({ tokens, schedules: [schedule], ...EVERYTHING });
}

/** Every case is the baseline in all that it shows. */
async function changesNothing({ lab, prompts: { main } }: CheckContext, cases: readonly (readonly [string, Operation[]])[]) {
  const tally = new Tally("exact");
  const baseline = await untouched(lab, main);
  for (const [name, operations] of cases)
    compareRuns(tally, name, await lab.observe({ ...variantJob(lab.spec, main, operations), ...EVERYTHING }), baseline);
  return tally.finding();
}

function everyBlock({ spec }: Lab, edits: readonly Edit[]): Schedule {
  return { name: "edited", steps: range(spec.nLayers).map((block): Step => [{ block, edits }]) };
}

function scaledAt({ spec }: Lab, at: number, edits: readonly Edit[]): Schedule {
  const use = (block: number): BlockUse => (block === at ? { block, edits } : { block });
  return { name: "edited", steps: range(spec.nLayers).map((block): Step => [use(block)]) };
}

/** The stream alone: the norms of components are those of other blocks. */
function streamOf(layer: ReturnType<typeof layerOf>): ReturnType<typeof layerOf> {
  return layer && { ...layer, norms: undefined };
}
