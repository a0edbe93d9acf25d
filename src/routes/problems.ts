/** Problems as answers, and in the contract. */
import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { ZodError } from "zod";
import { Problem, type ProblemCode } from "../problem.ts";
import { PROBLEMS, problemDocument } from "../problem-document.ts";
import { explain, fieldErrors } from "../schemas/field-errors.ts";
import { Problem as ProblemSchema } from "../schemas/problem.ts";
import { DatabaseUnavailable } from "../store/database.ts";
import type { Env } from "./endpoint.ts";
import type { Services } from "./services.ts";

/** A request that cannot be read at all: 400, where a readable one with wrong values is 422. */
export class Unreadable extends Problem {
  readonly status = 400;

  constructor(detail: string, pointer?: string) {
    super("invalid_request", detail, pointer === undefined ? undefined : [{ pointer, detail }]);
  }
}

/** A problem that has another status here than its code usually has. */
export class ProblemWithStatus extends Problem {
  readonly status: number;

  constructor(status: number, { code, message, errors }: Problem) {
    super(code, message, errors);
    this.status = status;
  }
}

/** Fields that a schema refused. Parameters are named, fields of a body pointed at. */
export function invalidFields(error: ZodError, target: string): Problem {
  const errors = fieldErrors(error as never);
  const named =
    target === "json" ? errors : errors.map(({ pointer, detail }) => ({ pointer: pointer.replace(/^\//, ""), detail }));
  return new Problem("invalid_request", `${explain(named)}.`, named);
}

/** The answer to anything thrown. What is no problem goes to the log, and says nothing here. */
export async function answerError(error: unknown, c: Context<Env>, { log, admission }: Services): Promise<Response> {
  const problem = error instanceof HTTPException ? await fromHono(error, c) : problemOf(error);
  if (problem.code === "internal") {
    log.error("a request failed", {
      request_id: c.get("requestId"),
      error: error instanceof Error ? error.stack : String(error),
    });
  }
  if (problem.code === "queue_full") c.header("Retry-After", String(admission.retryAfterSeconds));
  if (problem.code === "draining" || problem.code === "engine_failed" || problem.code === "store_unavailable")
    c.header("Retry-After", "5");
  if (problem.code === "unauthorized") c.header("WWW-Authenticate", "Bearer");
  const status = problem instanceof Unreadable || problem instanceof ProblemWithStatus ? problem.status : undefined;
  return answerProblem(problem, c, status);
}

function problemOf(error: unknown): Problem {
  return error instanceof DatabaseUnavailable ? new Problem("store_unavailable", error.message) : Problem.from(error);
}

/** A problem as `application/problem+json`. */
export function answerProblem(problem: Problem, c: Context<Env>, status?: number): Response {
  const document = problemDocument(problem.data, c.get("requestId"), status);
  c.header("Content-Type", "application/problem+json");
  return c.body(JSON.stringify(document), document.status as ContentfulStatusCode);
}

/** What hono itself refuses: a body that is not JSON, or not said to be. */
async function fromHono(error: HTTPException, c: Context<Env>): Promise<Problem> {
  if (error.status === 415) return new Problem("unsupported_media_type", "The body must be JSON, sent as application/json.");
  if (error.status !== 400) return Problem.from(error);
  const text = await c.req.text();
  if (text.trim() === "") return new Unreadable("The body is empty; it must be a JSON object.");
  try {
    JSON.parse(text);
  } catch (reason) {
    return new Unreadable(`The body is not JSON: ${reason instanceof Error ? reason.message : String(reason)}.`);
  }
  return new Unreadable("The body cannot be read.");
}

/** The responses of these problems, for a contract: several codes may share a status. */
export function problems(...codes: (ProblemCode | "unreadable")[]) {
  const byStatus: Record<number, string[]> = {};
  for (const code of new Set([...codes, "internal" as const])) {
    const [status, title] = code === "unreadable" ? [400, "The request cannot be read"] : PROBLEMS[code];
    byStatus[status] ??= [];
    byStatus[status].push(`${title} (\`${code === "unreadable" ? "invalid_request" : code}\`).`);
  }
  return Object.fromEntries(
    Object.entries(byStatus).map(([status, titles]) => [
      status,
      {
        description: titles.join(" "),
        content: { "application/problem+json": { schema: ProblemSchema } },
        ...(status === "429" || status === "503" ? { headers: RETRY_AFTER } : {}),
      },
    ]),
  );
}

const RETRY_AFTER = {
  "Retry-After": { description: "Seconds after which another try may succeed.", schema: { type: "integer" as const } },
};
