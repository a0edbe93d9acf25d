import { z } from "@hono/zod-openapi";
import type { FieldError } from "../problem.ts";

type RawIssue = z.core.$ZodRawIssue;
type Issue = z.core.$ZodIssue;

/** The message of a union whose errors are those of the branch that was meant. */
const SEE_BRANCH = "";
/** Characters of a refused value that a message repeats. */
const MAX_SHOWN = 60;
/** Errors listed in an answer: one wrong shape repeated over a long list says nothing new. */
const MAX_ERRORS = 20;

const KINDS: Readonly<Record<string, string>> = {
  int: "a whole number",
  number: "a number",
  string: "a text",
  boolean: "true or false",
  array: "a list",
  tuple: "a list",
  object: "an object",
  record: "an object",
};

// Messages are written while zod still holds the value seen: an issue that has left it carries only the bound.
z.config({ customError: sentence });

/** What zod found, as JSON pointers and sentences. Of a union, only the errors of the branch that was meant. */
export function fieldErrors(error: z.core.$ZodError): FieldError[] {
  const errors = new Map<string, FieldError>();
  for (const found of error.issues.flatMap((issue) => flatten(issue, []))) {
    // The first of a field is the one to mend: its bounds mean nothing while its kind is wrong.
    if (!errors.has(found.pointer)) errors.set(found.pointer, found);
  }
  return [...errors.values()].slice(0, MAX_ERRORS);
}

/** The errors as one sentence each, for the `detail` of a problem. */
export function explain(errors: readonly FieldError[]): string {
  return errors.map(({ pointer, detail }) => (pointer === "" ? detail : `${pointer}: ${detail}`)).join("; ");
}

/** RFC 6901. */
export function jsonPointer(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${String(part).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

function flatten(issue: Issue, above: readonly PropertyKey[]): FieldError[] {
  const path = [...above, ...issue.path];
  if (issue.code === "invalid_union" && issue.message === SEE_BRANCH) {
    return (meantBranch(issue.errors) ?? []).flatMap((inner) => flatten(inner, path));
  }
  return [{ pointer: jsonPointer(path), detail: issue.message }];
}

/** The first branch that the value is of the right kind for. */
function meantBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  return branches.find((issues) => issues.length > 0 && !issues.some((issue) => issue.path.length === 0 && wrongKind(issue)));
}

function wrongKind(issue: Issue): boolean {
  return (
    issue.code === "invalid_type" ||
    issue.code === "invalid_value" ||
    (issue.code === "invalid_union" && issue.message !== SEE_BRANCH)
  );
}

/** One issue for a person: the value seen and the bound. */
function sentence(issue: RawIssue): string | undefined {
  switch (issue.code) {
    case "invalid_type":
      return issue.input === undefined
        ? `is required: ${kind(issue.expected)}`
        : `${shown(issue.input)} is not ${kind(issue.expected)}`;
    case "invalid_value":
      return issue.input === undefined
        ? `is required: ${oneOf(issue.values)}`
        : `${shown(issue.input)} is not ${oneOf(issue.values)}`;
    case "too_big":
      return `${amount(issue.origin, issue.input)} is more than the most allowed, ${issue.maximum}`;
    case "too_small":
      return `${amount(issue.origin, issue.input)} is less than the least allowed, ${issue.minimum}`;
    case "unrecognized_keys":
      return unknownFields(issue);
    case "invalid_union":
      return unionSentence(issue);
    case "invalid_key":
      return (issue.issues as Issue[]).map((inner) => inner.message).join("; ");
    case "invalid_format":
      return `${shown(issue.input)} does not have the form of ${issue.format === "regex" ? issue.pattern : issue.format}`;
    default:
      return undefined;
  }
}

function unknownFields(issue: RawIssue & { code: "unrecognized_keys" }): string {
  const names = (issue.keys as string[]).map((key) => shown(key)).join(", ");
  const input = issue.input as Record<string, unknown> | undefined;
  const where = typeof input?.op === "string" ? ` in ${shown(input.op)}` : "";
  const shape = (issue.inst?._zod.def as { shape?: object } | undefined)?.shape;
  const known = shape ? Object.keys(shape).filter((key) => key !== "op") : [];
  const has = known.length > 0 ? `; ${where ? "it has" : "there are"} ${known.join(", ")}` : "";
  return `there is no field ${names}${where}${has}`;
}

function unionSentence(issue: RawIssue & { code: "invalid_union" }): string {
  if (issue.discriminator !== undefined) {
    const input = issue.input as Record<string, unknown> | undefined;
    const seen = input?.[issue.discriminator];
    const options = ((issue as { options?: unknown }).options ?? []) as unknown[];
    if (seen === undefined) return `is required: ${oneOf(options)}`;
    return `${shown(seen)} is not ${oneOf(options)}`;
  }
  const branches = issue.errors as readonly (readonly Issue[])[];
  if (meantBranch(branches)) return SEE_BRANCH;
  const kinds = branches
    .map((issues) => issues.find((inner) => inner.path.length === 0))
    .flatMap((inner) => (inner ? [expected(inner)] : []));
  const alternatives = [...new Set(kinds)].join(" or ");
  return issue.input === undefined ? `is required: ${alternatives}` : `${shown(issue.input)} is not ${alternatives}`;
}

function expected(issue: Issue): string {
  if (issue.code === "invalid_type") return kind(issue.expected);
  if (issue.code === "invalid_value") return oneOf(issue.values);
  return issue.message;
}

function kind(expected: unknown): string {
  return KINDS[String(expected)] ?? String(expected);
}

function oneOf(values: readonly unknown[] | undefined): string {
  const texts = (values ?? []).map((value) => JSON.stringify(value));
  return texts.length === 1 ? `${texts[0]}` : `one of ${texts.join(", ")}`;
}

function amount(origin: unknown, input: unknown): string {
  if (typeof input === "string") return `a text of ${input.length} characters`;
  if (Array.isArray(input)) return `a list of ${input.length}`;
  return origin === "number" || origin === "int" ? String(input) : shown(input);
}

/** A value as JSON, cut short. */
function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}
