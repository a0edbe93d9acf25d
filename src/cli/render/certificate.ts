/** A model's certificate: a line a check, with the largest error and what is allowed. */
import type { CertifyEvent, Row } from "../../certify/certify.ts";
import type { Finding } from "../../certify/finding.ts";
import { milliseconds } from "./numbers.ts";
import { cut, left, right } from "./text.ts";
import type { View } from "./view.ts";

type Begin = Omit<Extract<CertifyEvent, { type: "begin" }>, "type">;

const NAME = 48;
const ERROR = 10;
const ALLOWED = 9;
/** In front of what is said below a row. */
const INDENT = "     ";

/** What is certified, and the headings. */
export function certificateHead(model: string, spec: Begin["spec"], status: Begin["status"], view: View): string[] {
  const { bold, dim } = view.colours;
  const { family, nLayers, dModel, tokenCount, revision } = spec;
  const { device, precision, weights, half } = status;
  const held = half === "kept" ? "half kept" : `${weights}${half ? ", half folded" : ""}`;
  return [
    bold(model),
    dim(`${family}, ${nLayers} layers of ${dModel}, ${tokenCount} tokens; revision ${revision.slice(0, 12)}`),
    dim(`on ${device} in ${precision}, weights ${held}`),
    "",
    dim(`   ${left("check", NAME)} ${right("error", ERROR)} ${right("allowed", ALLOWED)}`),
  ];
}

export function groupLine(group: Row["group"], view: View): string {
  return ` ${view.colours.bold(group)}`;
}

/** The row, and below it where the error is, or why there is none. */
export function rowLines({ name, verdict, finding, note }: Row, view: View): string[] {
  const { dim, green, red, yellow } = view.colours;
  const mark = { passed: green("✓"), failed: red("✗"), not_run: yellow("–") }[verdict];
  const [error, allowed] = finding
    ? [errorText(finding), allowedText(finding)]
    : [verdict === "failed" ? "broke off" : "not run", ""];
  const line = ` ${mark} ${left(name, NAME)} ${right(error, ERROR)} ${dim(right(allowed, ALLOWED))}`.trimEnd();
  const below: string[] = [];
  if (verdict === "failed" && finding)
    below.push(finding.compared === 0 ? "there was nothing to compare" : `the worst: ${finding.worst ?? "–"}`);
  if (note && verdict !== "passed") below.push(note);
  // What passed says more only where there is room beside it.
  const room = view.width - (NAME + ERROR + ALLOWED + 7);
  const beside = verdict === "passed" && note && room >= note.length ? `  ${dim(note)}` : "";
  return [
    `${line}${beside}`,
    ...below.flatMap((text) => wrapped(text, view.width - INDENT.length)).map((text) => dim(`${INDENT}${text}`)),
  ];
}

/** Tensors that were not looked at. */
export function unknownLines(unknown: readonly string[], view: View): string[] {
  if (unknown.length === 0) return [];
  const { dim, yellow } = view.colours;
  const list = wrapped(unknown.join(", "), view.width - INDENT.length).map((text) => dim(`${INDENT}${text}`));
  return [
    ` ${yellow("–")} ${unknown.length === 1 ? "1 tensor" : `${unknown.length} tensors`} of the reference not checked: unknown names`,
    ...list,
  ];
}

export function certificateVerdict(rows: readonly Row[], ms: number, view: View): string[] {
  const { bold, green, red } = view.colours;
  const count = (verdict: Row["verdict"]) => rows.filter((row) => row.verdict === verdict).length;
  const [passed, failed, notRun] = [count("passed"), count("failed"), count("not_run")];
  const word = failed === 0 ? green(bold("PASSED")) : red(bold("FAILED"));
  const parts = [`${passed} passed`, ...(failed ? [`${failed} failed`] : []), ...(notRun ? [`${notRun} not run`] : [])];
  return ["", `${word}: ${parts.join(", ")} ${view.colours.dim(`(${milliseconds(ms)})`)}`];
}

/** What is being checked, on one line of a terminal. */
export function checkingLine(text: string, view: View): string {
  return ` ${view.colours.dim(cut(text, view.width - 2))}`;
}

/** The whole certificate, for programs. Numbers that are none are null. */
export function certificateJson(model: string, { spec, status, unknown }: Begin, rows: readonly Row[]) {
  const { device, precision, weights, half } = status;
  return {
    model,
    family: spec.family,
    revision: spec.revision,
    ...{ device, precision, weights, half },
    verdict: rows.some(({ verdict }) => verdict === "failed") ? "failed" : "passed",
    checks: rows.map(({ group, name, verdict, finding, note }) => ({
      ...{ group, name, verdict },
      measure: finding?.measure ?? null,
      error: finding && Number.isFinite(finding.error) ? finding.error : null,
      tolerance: finding?.tolerance ?? null,
      compared: finding?.compared ?? 0,
      worst: finding?.worst ?? null,
      note,
    })),
    not_checked: unknown,
  };
}

function errorText({ measure, error, compared }: Finding): string {
  if (measure === "exact") return error === 0 ? (compared > 0 ? "same bits" : "–") : `${error} differ`;
  return Number.isFinite(error) ? (error === 0 ? "0" : error.toExponential(1)) : "no number";
}

function allowedText({ measure, tolerance }: Finding): string {
  if (measure === "exact") return "0 differ";
  return `${tolerance.toExponential(0)}${measure === "relative" ? " rel" : " abs"}`;
}

/** Text in lines of at most `width` columns, broken between words. */
function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
