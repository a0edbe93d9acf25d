/** A section as Markdown: blocks, to be parted by blank lines. */
import type { DocumentPart, DocumentSection, JudgedClaim, ShownFigure } from "../document/document.ts";
import type { Picture } from "../figures/files.ts";
import { verdictWord } from "../text/inline.ts";
import { inlineMd, linkMd, type Places, plainMd } from "./inline.ts";
import { tableMd } from "./table.ts";

/** `several`: the report has more than one model. */
export function sectionMd({ title, parts }: DocumentSection, places: Places, several: boolean): string[] {
  return [`## ${plainMd(title)}`, ...parts.flatMap((part) => partMd(part, places, several))];
}

function partMd(part: DocumentPart, places: Places, several: boolean): string[] {
  const { heading, intro, claims, remarks, tables, figures, missing } = part;
  return [
    ...(heading === null ? [] : [`### ${plainMd(heading)}`]),
    inlineMd(intro, places),
    ...claims.flatMap(claimMd),
    ...remarks.map(({ model, sentence }) => `${model === null ? "" : `**${plainMd(model)}.** `}${plainMd(sentence)}`),
    ...tables.flatMap((table) => tableMd(table, places)),
    ...figures.flatMap((figure) => figureMd(figure, several)),
    ...missing.map(plainMd),
  ];
}

function claimMd({ says, findings }: JudgedClaim): string[] {
  const said = findings.map(({ model, verdict, sentence }) => {
    const name = model === null ? "" : `${plainMd(model)}, `;
    return `- ${name}*${verdictWord(verdict)}*: ${plainMd(sentence)}`;
  });
  return [`**${plainMd(says)}**`, said.join("\n")];
}

/** The picture of all models, or else of each; the others by their names. */
function figureMd({ number, title, caption, drawn, tables }: ShownFigure, several: boolean): string[] {
  const { together, each } = drawn;
  const shown = together
    ? [pictureMd(together, `${title}, all models`)]
    : each.map(({ model, picture }) => pictureMd(picture, `${title}, ${model}`));
  const links = (of: readonly { readonly model: string; readonly path: string }[]) =>
    of.map(({ model, path }) => linkMd(several ? model : "CSV", path)).join(", ");
  const byModel = together ? `Each by itself: ${links(each.map(({ model, picture }) => ({ model, path: picture.path })))}. ` : "";
  const alone = several && each.length === 1 ? `Of ${plainMd(each[0]?.model ?? "")} alone. ` : "";
  return [...shown, `**Figure ${number}. ${plainMd(title)}.** ${plainMd(caption)} ${alone}${byModel}Numbers: ${links(tables)}.`];
}

function pictureMd({ path }: Picture, alternative: string): string {
  return `!${linkMd(alternative, path)}`;
}
