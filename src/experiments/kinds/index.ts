/** All kinds, in the order of the documentation. */
import { Problem } from "../../problem.ts";
import { type AnyKind, asAnyKind } from "../kind.ts";
import { activations } from "./activations.ts";
import { attentionLocality } from "./attention-locality.ts";
import { benchmark } from "./benchmark.ts";
import { cka } from "./cka.ts";
import { componentNorms } from "./component-norms.ts";
import { headImportance } from "./head-importance.ts";
import { layerImportance } from "./layer-importance.ts";
import { layerInterventions } from "./layer-interventions.ts";
import { layerRepeat } from "./layer-repeat.ts";
import { layerSchedules } from "./layer-schedules.ts";
import { logitLens } from "./logit-lens.ts";
import { neuronCensus } from "./neuron-census.ts";
import { spanProbe } from "./span-probe.ts";
import { stages } from "./stages.ts";
import { subjoinerHeads } from "./subjoiner-heads.ts";
import { suffixProbe } from "./suffix-probe.ts";
import { variants } from "./variants.ts";

export const KINDS: readonly AnyKind[] = [
  asAnyKind(layerInterventions),
  asAnyKind(attentionLocality),
  asAnyKind(componentNorms),
  asAnyKind(logitLens),
  asAnyKind(neuronCensus),
  asAnyKind(subjoinerHeads),
  asAnyKind(suffixProbe),
  asAnyKind(cka),
  asAnyKind(layerImportance),
  asAnyKind(layerRepeat),
  asAnyKind(layerSchedules),
  asAnyKind(variants),
  asAnyKind(headImportance),
  asAnyKind(benchmark),
  asAnyKind(activations),
  asAnyKind(stages),
  asAnyKind(spanProbe),
];

const byName = new Map(KINDS.map((kind) => [kind.name, kind]));

/** The kind of a name. Throws `not_found` for one that this version does not know, which another one may have stored. */
export function kindOf(name: string): AnyKind {
  const kind = byName.get(name);
  if (kind) return kind;
  throw new Problem(
    "not_found",
    `There is no kind of experiment ${JSON.stringify(name)}; there are ${[...byName.keys()].join(", ")}.`,
  );
}
