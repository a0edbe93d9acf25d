/** The service as the command line uses it: over HTTP, like every other client. */
import { EventSourceParserStream } from "eventsource-parser/stream";
import type { RunEvent } from "../schemas/events.ts";
import type { ModelList } from "../schemas/models.ts";
import type { ProblemDocument } from "../schemas/problem.ts";
import type { RunRequestInput } from "../schemas/run-request.ts";

/** The service said no, or could not be asked. */
export class ServiceError extends Error {
  override readonly name = "ServiceError";
  readonly problem: Partial<ProblemDocument>;

  constructor(problem: Partial<ProblemDocument>) {
    super(problem.detail ?? problem.title ?? "The service gave no reason.");
    this.problem = problem;
  }
}

export interface Client {
  readonly url: string;
  /** The status and text of a plain GET. */
  get(path: string): Promise<{ readonly status: number; readonly text: string }>;
  /** Any request; throws `ServiceError` where the answer is a problem. */
  send(path: string, init?: RequestInit): Promise<Response>;
  /** The events of a stream, to its end. */
  events<Event>(path: string): AsyncGenerator<Event, void, void>;
  models(): Promise<ModelList["models"]>;
  /** Starts a run and yields its events as they come. Throws `ServiceError` before the first, or with an `error` event. */
  run(request: RunRequestInput): AsyncGenerator<RunEvent, void, void>;
}

/** A client of the service at `url`; `key` goes along as a bearer token. */
export function createClient(url: string, key?: string): Client {
  const base = url.replace(/\/+$/, "");
  const authorization: Record<string, string> = key ? { authorization: `Bearer ${key}` } : {};

  async function ask(path: string, init: RequestInit = {}): Promise<Response> {
    try {
      return await fetch(`${base}${path}`, {
        ...init,
        headers: { ...authorization, ...(init.headers as Record<string, string>) },
      });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new ServiceError({ title: "No answer", detail: `No service answers at ${base}: ${reason}` });
    }
  }

  async function refuse(response: Response): Promise<never> {
    const text = await response.text();
    try {
      throw new ServiceError(JSON.parse(text) as ProblemDocument);
    } catch (error) {
      if (error instanceof ServiceError) throw error;
      throw new ServiceError({
        title: response.statusText,
        detail: `${base} answered ${response.status} and is perhaps not Stratascope.`,
      });
    }
  }

  async function send(path: string, init: RequestInit = {}): Promise<Response> {
    const response = await ask(path, init);
    return response.ok ? response : refuse(response);
  }

  async function* events<Event>(response: Response): AsyncGenerator<Event, void, void> {
    if (!response.body) return;
    const messages = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
    for await (const message of messages) yield JSON.parse(message.data) as Event;
  }

  return {
    url: base,
    send,
    async *events(path) {
      yield* events(await send(path, { headers: { accept: "text/event-stream" } }));
    },
    async get(path) {
      const response = await ask(path);
      return { status: response.status, text: await response.text() };
    },
    async models() {
      const response = await send("/v1/models", { headers: { accept: "application/json" } });
      return ((await response.json()) as ModelList).models;
    },
    async *run(request) {
      const response = await send("/v1/runs", {
        method: "POST",
        headers: { "content-type": "application/json", accept: "text/event-stream" },
        body: JSON.stringify(request),
      });
      let ended = false;
      for await (const event of events<RunEvent>(response)) {
        ended = event.type === "done" || event.type === "error";
        yield event;
        if (event.type === "error") throw new ServiceError(event.problem);
      }
      if (!ended)
        throw new ServiceError({ title: "Cut off", detail: "The stream ended before the run did: the service closed it." });
    },
  };
}
