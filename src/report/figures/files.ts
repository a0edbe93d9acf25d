/** The files beside the report: every figure as SVG, every table as CSV. */
import { figureOf, KINDS_COMPARED, severalModels } from "../../experiments/figures/registry.ts";
import type { VegaLiteSpec } from "../../experiments/figures/spec.ts";
import { svgOf } from "../../experiments/figures/svg.ts";
import { csvOf } from "../../experiments/formats/csv.ts";
import { Problem } from "../../problem.ts";
import { folderOf, type ModelOutcomes, resultOf, tablePath } from "../results/outcome.ts";

/** A picture as the page shows it. */
export interface Picture {
  /** From the report's folder. */
  readonly path: string;
  /** In pixels. */
  readonly width: number;
  readonly height: number;
}

/** The figure of one experiment: all models in one, where there are several and the kind can be compared, and each. */
export interface DrawnFigure {
  readonly together: Picture | null;
  readonly each: readonly { readonly model: string; readonly picture: Picture }[];
}

/** The CSV of a model's result. */
export interface TableFile {
  readonly model: string;
  /** From the report's folder. */
  readonly path: string;
}

export interface ReportFiles {
  /** Text by path, from the report's folder. */
  readonly contents: ReadonlyMap<string, string>;
  /** By experiment. */
  readonly figures: ReadonlyMap<string, DrawnFigure>;
  /** By experiment, the CSV of each model. */
  readonly tables: ReadonlyMap<string, readonly TableFile[]>;
}

/** Draws and writes down what there is of these experiments (ids of the catalogue). */
export async function reportFiles(models: readonly ModelOutcomes[], experiments: readonly string[]): Promise<ReportFiles> {
  const contents = new Map<string, string>();
  const figures = new Map<string, DrawnFigure>();
  const tables = new Map<string, TableFile[]>();
  const draw = async (path: string, spec: VegaLiteSpec | null): Promise<Picture | null> => {
    if (!spec) return null;
    const svg = await svgOf(spec);
    contents.set(path, svg);
    return { path, ...sizeOf(svg) };
  };
  for (const id of experiments) {
    const found = models.flatMap((of) => {
      const result = resultOf(of, id);
      return result ? [{ of, result }] : [];
    });
    const results = found.map(({ result }) => result);
    const compared = results.length > 1 && KINDS_COMPARED.includes(results[0]?.kind as string);
    const together = await draw(`figures/${id}.svg`, compared ? drawable(() => severalModels(results)) : null);
    const each: { model: string; picture: Picture }[] = [];
    for (const { of, result } of found) {
      const folder = folderOf(of.model.id);
      const picture = await draw(
        `figures/${folder}/${id}.svg`,
        drawable(() => figureOf(result)),
      );
      if (picture) each.push({ model: of.model.id, picture });
      const path = tablePath(of.model.id, id);
      contents.set(path, csvOf(result.table));
      tables.set(id, [...(tables.get(id) ?? []), { model: of.model.id, path }]);
    }
    figures.set(id, { together, each });
  }
  return { contents, figures, tables };
}

/** null where the result has nothing to draw. */
function drawable(spec: () => VegaLiteSpec): VegaLiteSpec | null {
  try {
    return spec();
  } catch (error) {
    if (error instanceof Problem && error.code === "not_found") return null;
    throw error;
  }
}

function sizeOf(svg: string): { width: number; height: number } {
  const root = /<svg [^>]*>/.exec(svg)?.[0] ?? "";
  const side = (name: string) => Math.round(Number(new RegExp(` ${name}="([\\d.]+)"`).exec(root)?.[1] ?? 0));
  return { width: side("width"), height: side("height") };
}
