/** What the service says of a request's fields, said of the command line: of flags. */

/** How a command's flags are spelled in the request: the pointer, and what stands for it ($1 … as matched). The first that matches. */
export type FieldFlags = readonly (readonly [pointer: RegExp, flag: string])[];

/** Fields and their values that sentences name. The longer first. */
const PHRASES: readonly (readonly [said: string, flag: string])[] = [
  ['"short_texts": "skip"', "--skip-short"],
  ['"short_texts": "keep"', "--keep-short"],
  ["tokens_per_text", "--tokens"],
  ["say prepend_bos, or give tokens", "say --bos or --no-bos"],
  ["a context, or prepend_bos", "a context, or --bos"],
  ["prepend_bos cannot be true", "--bos cannot be met"],
  ["readout.targets", "--target"],
  ['say with "order" what', "say with --order what"],
  ['is required: { "dataset": "…" }, or { "texts": […] }', "is required: a data set of the service, or a file of texts"],
  ['is required: { "dataset": "…" }, or { "rows": […] }', "is required: a data set of the service, or a file of rows"],
];

/** Of a field that no flag sets, the pointer itself. */
export function flagOf(pointer: string, fields: FieldFlags): string {
  const found = fields.find(([pattern]) => pattern.test(pointer));
  return found ? pointer.replace(...found) : pointer;
}

/** A sentence with flags in the place of fields. */
export function spoken(sentence: string): string {
  return PHRASES.reduce((text, [said, flag]) => text.replaceAll(said, flag), sentence);
}

/** Of the model and the prompt; patterns match whole pointers, so that nothing is left of them. */
export const PROMPT_FIELDS: FieldFlags = [
  [/^\/model$/, "--model"],
  [/^\/(?:prompt|messages)$/, "the prompt"],
  [/^\/template_arguments$/, "--template-arg"],
  [/^\/prepend_bos$/, "--bos"],
];
