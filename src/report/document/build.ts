/** From what came of the experiments to the whole report. */
import { experimentsRun, type Findings, judged, measuredClaims } from "../claims/findings.ts";
import { CLAIM_GROUPS } from "../claims/index.ts";
import type { ReportFiles } from "../figures/files.ts";
import type { ModelOutcomes } from "../results/outcome.ts";
import { SECTIONS } from "../sections/index.ts";
import { claimsTable } from "../tables/claims.ts";
import { modelsTable } from "../tables/models.ts";
import { sizesTable } from "../tables/sizes.ts";
import { em, type Inline, listedInline, prose, settled, strong, web } from "../text/inline.ts";
import { inWords, listed } from "../text/numbers.ts";
import { settledTable } from "../text/table.ts";
import { type DocumentSection, figurePlace, type Methods, type ReportDocument } from "./document.ts";
import { limitsOf } from "./limits.ts";
import { conventions, madeFrom } from "./methods.ts";
import { foundIn } from "./section.ts";
import { claimsInWords } from "./summary.ts";

/** Places that every report has. */
const ALWAYS = ["summary", "methods", "criteria"] as const;

/** The report on these models. `command`: what makes it again. */
export function documentOf(models: readonly ModelOutcomes[], files: ReportFiles, command: string): ReportDocument {
  const findings = judged(models);
  let figures = 0;
  const context = { models, files, findings, nextFigure: () => ++figures };
  const sections = SECTIONS.flatMap((section) => foundIn(section, context) ?? []);
  const has = placesOf(sections);
  const claims = claimsTable(models, findings);
  return {
    title: `Stages of inference in ${listed(models.map(({ model }) => model.id))}`,
    lead: leadOf(models),
    summary: {
      text: summaryOf(models, findings),
      claims: claims && settledTable(claims, has),
      models: modelsTable(models),
    },
    sections: sections.map((section) => settledSection(section, has)),
    methods: methodsOf(models, findings, command),
  };
}

function leadOf(models: readonly ModelOutcomes[]): Inline {
  const described = models.map(({ model }) => [
    strong(model.id),
    ` (${model.family}, ${model.nLayers} layers of width ${model.dModel})`,
  ]);
  return prose`The experiments of ${em("The Remarkable Robustness of LLMs: Stages of Inference?")} (Lad et al., ${web("https://arxiv.org/abs/2406.19384", "arXiv 2406.19384")}),
run on ${models.length === 1 ? "one model" : `${inWords(models.length)} models`}: ${listedInline(described)}.`;
}

function summaryOf(models: readonly ModelOutcomes[], findings: Findings): Inline {
  return prose`The paper takes layers away and swaps them, measures what each layer does, and reads four stages out of it. Here the same is done to ${models.length === 1 ? "this model" : "these models"},
and each of its claims is held against the numbers. ${claimsInWords(models, findings)}`;
}

function methodsOf(models: readonly ModelOutcomes[], findings: Findings, command: string): Methods {
  const experiments = experimentsRun(models);
  const claims = CLAIM_GROUPS.flatMap((group) => measuredClaims(models, group.claims, findings));
  return {
    paragraphs: [conventions, madeFrom(models, experiments), SIZES],
    sizes: sizesTable(models, experiments),
    limits: limitsOf(models),
    criteria: claims.map(({ says, criterion }) => ({ says, criterion })),
    command,
  };
}

const SIZES =
  "How many texts an experiment takes is chosen by an estimate of its cost, from the model’s sizes alone: what costs more gets fewer texts.";

function placesOf(sections: readonly DocumentSection[]): ReadonlySet<string> {
  const figures = sections.flatMap(({ parts }) => parts.flatMap((part) => part.figures));
  return new Set([...ALWAYS, ...sections.map(({ id }) => id), ...figures.map(({ experiment }) => figurePlace(experiment))]);
}

function settledSection(section: DocumentSection, has: ReadonlySet<string>): DocumentSection {
  return {
    ...section,
    parts: section.parts.map((part) => ({
      ...part,
      intro: settled(part.intro, has),
      tables: part.tables.map((table) => settledTable(table, has)),
    })),
  };
}
