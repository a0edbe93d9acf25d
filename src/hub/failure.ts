/** What went wrong, as the problem of a model, a revision and perhaps a file. */
import { Problem } from "../problem.ts";
import { HubError } from "./transport.ts";

export interface Subject {
  readonly repo: string;
  readonly revision: string;
  readonly file?: string;
}

/** `org/name@main`, with the file where there is one. */
export function nameOf({ repo, revision, file }: Subject): string {
  return `${file === undefined ? "" : `${file} of `}${repo}@${revision}`;
}

/** Anything thrown during a download, as a problem that names its subject. */
export function failureOf(error: unknown, subject: Subject, hasToken = false): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof HubError) return refusalOf(error, subject, hasToken);
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "ENOSPC" || code === "EDQUOT" || code === "EFBIG")
    return failed(subject, `no space is left for it (${code}); what is there is kept, and the next try goes on from it`);
  const reason = message ?? String(error);
  return failed(subject, reason.length > 0 ? reason.slice(0, 300) : "the connection was lost");
}

/** `download_failed`, saying of what. */
export function failed(subject: Subject, reason: string): Problem {
  return new Problem("download_failed", `${nameOf(subject)} could not be downloaded: ${reason}.`);
}

function refusalOf(error: HubError, subject: Subject, hasToken: boolean): Problem {
  const { status, code } = error;
  const name = nameOf(subject);
  const said = `${error.message}${code ? `, ${code}` : ""}`;
  if (code === "GatedRepo" || status === 403)
    return new Problem(
      "download_refused",
      `${name} is gated (${said}): accept its terms on its page and ${hasToken ? "use the token of an account that has" : "set HF_TOKEN"}.`,
    );
  if (status === 401)
    return new Problem(
      "download_refused",
      `${name} cannot be had ${hasToken ? "with the token that is set" : "without a token"} (${said}): ${hasToken ? "it does not exist, or the token may not read it" : "it does not exist, or it is private or gated and needs HF_TOKEN"}.`,
    );
  if (code === "RevisionNotFound")
    return new Problem("model_not_found", `${subject.repo} has no revision ${JSON.stringify(subject.revision)} (${said}).`);
  if (status === 404) return new Problem("model_not_found", `There is no ${name} on the hub (${said}).`);
  return failed(subject, said);
}
