/** The middle half of the layers, run in other ways. */
import { SCHEDULES, schedulesOfHalf } from "../claims/schedules.ts";
import { measuredBy } from "../results/measured.ts";
import { type ModelOutcomes, resultOf } from "../results/outcome.ts";
import { measure, percent } from "../text/numbers.ts";
import { filled, plainRows, type Table } from "../text/table.ts";

const NUMBER = { number: true } as const;

/** A row a schedule, a column a model. null: not measured. */
export function scheduleTable(models: readonly ModelOutcomes[]): Table | null {
  const found = models.flatMap((of) => {
    const result = resultOf(of, "layer-schedules");
    const half = result && schedulesOfHalf(result);
    return result && half ? [{ id: of.model.id, result, half }] : [];
  });
  const [first] = found;
  if (!first) return null;
  const operations = first.half.effects.map(({ operation }) => operation);
  return filled({
    wide: true,
    caption: "About half of the layers, those of the middle, run in other ways: KL(p‖q) in nats, and top predictions kept.",
    columns: [
      { name: "the middle is" },
      ...found.map(({ id, half }) => ({ name: `${id}, layers ${half.start + 1}–${half.start + half.middle}`, ...NUMBER })),
    ],
    groups: plainRows(
      operations.map((operation) => [
        SCHEDULES[operation] ?? operation,
        ...found.map(({ result, half }) => {
          const divergence = half.effects.find((each) => each.operation === operation);
          const kept = measuredBy(result, "top1_agreement", { operation }, "start").find(({ at }) => at === half.start);
          return divergence && kept ? `${measure(divergence.mean)} (${percent(kept.mean)})` : "–";
        }),
      ]),
    ),
  });
}
