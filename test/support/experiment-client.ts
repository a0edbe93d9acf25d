/** Experiments over HTTP, as a client meets them whose server may be killed at any moment. */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { ExperimentEvent } from "../../src/schemas/experiments/events.ts";
import type { ExperimentRequestInput } from "../../src/schemas/experiments/request.ts";
import type { Json } from "./app.ts";
import type { Server } from "./server.ts";

/** What is needed of a server. */
type At = Pick<Server, "url">;

/** Texts that are cut into so many chunks, each of which takes a moment: all deletions in 32 texts of three tokens. */
export function sweepOf(chunks: number, seed = 0) {
  const tokens = Array.from({ length: 32 * chunks }, (_, text) =>
    Array.from({ length: 3 }, (_, i) => (i * 37 + text * 613 + seed * 101) % 4000),
  );
  const settings = { operations: ["delete" as const] };
  return {
    kind: "layer-interventions",
    model: "prose-6m",
    data: { tokens },
    prepend_bos: false,
    settings,
  } satisfies ExperimentRequestInput;
}

export function postExperiment({ url }: At, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${url}/v1/experiments`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

/** Starts one and returns its id. */
export async function startExperiment(server: At, request: ExperimentRequestInput): Promise<string> {
  const response = await postExperiment(server, request);
  const { id, ...rest } = await response.json();
  if (response.status !== 201) throw new Error(`${response.status} ${JSON.stringify(rest)}`);
  return id;
}

export async function getExperiment({ url }: At, id: string): Promise<Json> {
  return (await fetch(`${url}/v1/experiments/${id}`)).json();
}

export async function cancelExperiment({ url }: At, id: string): Promise<Response> {
  return fetch(`${url}/v1/experiments/${id}`, { method: "DELETE" });
}

/** The result in the forms that people take away; without its id, which two equal experiments do not share. */
export async function resultOf({ url }: At, id: string): Promise<{ readonly json: string; readonly csv: string }> {
  const [json, csv] = await Promise.all(
    ["json", "csv"].map(async (format) => {
      const response = await fetch(`${url}/v1/experiments/${id}/result?format=${format}`);
      const text = await response.text();
      if (!response.ok) throw new Error(`${response.status} ${text}`);
      return text;
    }),
  );
  const { id: own, ...rest } = JSON.parse(json as string);
  expect(own).toBe(id);
  return { json: JSON.stringify(rest), csv: csv as string };
}

/** Reads on after what there is, until the stream ends or breaks off. */
export async function readOn({ url }: At, id: string, events: Json[]): Promise<void> {
  let text = "";
  try {
    const response = await fetch(`${url}/v1/experiments/${id}/events`, {
      headers: { "last-event-id": String(events.at(-1)?.seq ?? 0) },
    });
    expect([200, 204, 503]).toContain(response.status);
    if (response.status !== 200 || !response.body) return;
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      const whole = text.lastIndexOf("\n\n") + 1;
      for (const [, data] of text.slice(0, whole).matchAll(/^data: (.*)$/gm)) events.push(JSON.parse(data as string));
      text = text.slice(whole);
    }
  } catch (error) {
    // The server was killed.
    if (!(error instanceof TypeError)) throw error;
  }
}

/** Reads until the last event is there, also over a server's database being lost. */
export async function readToEnd(server: At, id: string, events: Json[] = []): Promise<Json[]> {
  for (;;) {
    await readOn(server, id, events);
    if (isEnd(events.at(-1))) return events;
    await sleep(100);
  }
}

/** As numbers from 1, one `done`, the last; states in their order; `done` of progress never less than before. */
export function expectWhole(events: readonly Json[]): void {
  for (const event of events) ExperimentEvent.parse(event);
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, i) => i + 1));
  expect(events.filter(isEnd)).toHaveLength(1);
  expect(events.at(-1)?.type).toBe("done");
  const states = events.filter(({ type }) => type === "state").map(({ experiment }) => experiment.state);
  expect(states).toEqual(["queued", "running", "completed"]);
  const done = events.filter(({ type }) => type === "progress").map((event) => event.done);
  expect(done).toEqual([...done].sort((a, b) => a - b));
  expect(done.at(-1)).toBe(events.find(({ type }) => type === "progress")?.total);
}

function isEnd(event: Json | undefined): boolean {
  return event?.type === "done" || event?.type === "error";
}

/** The engine process of a server; null: it has none at the moment. */
export function enginePid({ child }: Server): number | null {
  try {
    const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8").trim().split(" ").filter(Boolean);
    const engine = children.find((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("engine/process.ts"));
    return engine === undefined ? null : Number(engine);
  } catch {
    return null; // it ended just now
  }
}
