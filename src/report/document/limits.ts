/** How far the numbers go: what was run as small as the command goes by itself. */
import type { ExperimentResult } from "../../experiments/result.ts";
import { PAPER_EXPERIMENTS, type PaperExperiment } from "../plan/catalogue.ts";
import { type ModelOutcomes, resultOf } from "../results/outcome.ts";
import { sizeOf } from "../tables/sizes.ts";
import { listed } from "../text/numbers.ts";

/** A sentence for each model of which something was run at the smallest size. */
export function limitsOf(models: readonly ModelOutcomes[]): string[] {
  return models.flatMap((of) => {
    const bySize = new Map<string, string[]>();
    for (const experiment of PAPER_EXPERIMENTS) {
      const result = resultOf(of, experiment.id);
      if (!result || !isSmallest(experiment, result)) continue;
      const size = sizeOf(result);
      bySize.set(size, [...(bySize.get(size) ?? []), experiment.id]);
    }
    if (bySize.size === 0) return [];
    const said = [...bySize].map(([size, ids]) => `${size} for ${listed(ids)}`);
    return [
      `${of.model.id} was run with as few texts × tokens as the command chooses by itself: ${said.join("; ")}. Their intervals are wide; --texts and --tokens enlarge the experiments.`,
    ];
  });
}

/** Of kinds that take texts cut to one length, or passages; elsewhere settings bound the work. */
function isSmallest({ sizes }: PaperExperiment, { data, tokens_per_text }: ExperimentResult): boolean {
  const last = sizes.at(-1);
  if (sizes.length < 2 || !last || !data || last.settings) return false;
  return data.texts <= last.texts && (last.tokens === null || (tokens_per_text ?? 0) <= last.tokens);
}
