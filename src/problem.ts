/** The closed set of things that can go wrong, as users see them. HTTP statuses are the routes' concern. */
export type ProblemCode =
  | "invalid_request"
  | "invalid_intervention"
  | "not_found"
  | "model_not_found"
  | "model_invalid"
  | "model_busy"
  | "model_too_large"
  | "download_refused"
  | "download_failed"
  | "unauthorized"
  | "not_acceptable"
  | "unsupported_media_type"
  | "body_too_large"
  | "run_too_large"
  | "queue_full"
  | "conflict"
  | "draining"
  | "engine_failed"
  | "cancelled"
  | "timed_out"
  | "store_unavailable"
  | "not_a_number"
  | "internal";

/** One invalid field: a JSON pointer into the body (or a parameter's name) and a sentence. */
export interface FieldError {
  readonly pointer: string;
  readonly detail: string;
}

export interface ProblemData {
  readonly code: ProblemCode;
  /** Written for a person: the subject, the value seen, the bound. */
  readonly detail: string;
  readonly errors?: readonly FieldError[];
}

/** An error that may be shown to the user as it is. */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly errors: readonly FieldError[] | undefined;

  constructor(code: ProblemCode, detail: string, errors?: readonly FieldError[]) {
    super(detail);
    this.name = "Problem";
    this.code = code;
    this.errors = errors;
  }

  get data(): ProblemData {
    return this.errors
      ? { code: this.code, detail: this.message, errors: this.errors }
      : { code: this.code, detail: this.message };
  }

  /** Anything thrown, as a problem; what is not one already says nothing of internals. */
  static from(error: unknown): Problem {
    if (error instanceof Problem) return error;
    return new Problem("internal", "Something failed inside the service. The log has the details.");
  }
}
