/** An app over a scripted engine and the shipped models, with a data folder of its own. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EventSourceParserStream } from "eventsource-parser/stream";
import { type AppOptions, createApp } from "../../src/app.ts";
import { readConfig } from "../../src/config.ts";
import { type Script, scriptedEngine } from "./scripted-engine.ts";

export interface TestApp {
  readonly engine: ReturnType<typeof scriptedEngine>;
  readonly services: ReturnType<typeof createApp>["services"];
  readonly app: ReturnType<typeof createApp>["app"];
  readonly dataDir: string;
  get(path: string, headers?: Record<string, string>): Promise<Response>;
  post(path: string, body?: unknown, headers?: Record<string, string>): Promise<Response>;
  delete(path: string): Promise<Response>;
}

export function testApp(
  environment: Record<string, string> = {},
  script: Script = {},
  options: Pick<AppOptions, "logs" | "log"> = {},
): TestApp {
  const dataDir = environment.DATA_DIR ?? mkdtempSync(join(tmpdir(), "stratascope-"));
  const engine = scriptedEngine(script);
  const { app, services } = createApp({
    config: readConfig({ MODELS_DIR: "models", HF_HUB_CACHE: join(dataDir, "hub"), ...environment, DATA_DIR: dataDir }),
    engine,
    ...options,
  });
  const send = async (method: string, path: string, headers: Record<string, string> = {}, body?: unknown) => {
    const text = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
    return app.request(path, {
      method,
      headers: text === undefined ? headers : { "content-type": "application/json", ...headers },
      body: text,
    });
  };
  return {
    ...{ engine, services, app, dataDir },
    get: (path, headers) => send("GET", path, headers),
    post: (path, body, headers) => send("POST", path, headers, body),
    delete: (path) => send("DELETE", path),
  };
}

/** What was parsed: tests look into it as they like. */
export type Json = ReturnType<typeof JSON.parse>;

/** The data of server-sent events, in order. */
export async function readSse(response: Response): Promise<Json[]> {
  const events: Json[] = [];
  const body = response.body as ReadableStream<Uint8Array<ArrayBuffer>>;
  for await (const { id, event, data } of body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream())) {
    const parsed = JSON.parse(data) as Json;
    if (String(parsed.seq) !== id || parsed.type !== event) throw new Error(`id ${id}, event ${event} of ${data.slice(0, 80)}`);
    events.push(parsed);
  }
  return events;
}

/** A promise and what settles it. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
}

/** Waits until a condition holds. */
export async function until(holds: () => boolean | Promise<boolean>, ms = 5000): Promise<void> {
  const end = Date.now() + ms;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`not so after ${ms} ms: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
