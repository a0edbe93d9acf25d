/** Node's HTTP server for an app of Requests and Responses: bodies stream at the client's pace, both ways. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import type { Address, Fetch, Listening } from "./listen.ts";

export async function listenOnNode(fetch: Fetch, { host, port }: Address): Promise<Listening> {
  const server = createServer((incoming, outgoing) => {
    void answer(fetch, incoming, outgoing);
  });
  server.requestTimeout = 0; // a run may take long; bodies are bounded by size
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    stop: (force) =>
      new Promise((resolve) => {
        server.close(() => resolve());
        if (force) server.closeAllConnections();
        else server.closeIdleConnections();
      }),
  };
}

async function answer(fetch: Fetch, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const gone = new AbortController();
  outgoing.once("close", () => {
    if (!outgoing.writableFinished) gone.abort();
  });
  try {
    const response = await fetch(toRequest(incoming, gone.signal), {});
    outgoing.writeHead(response.status, [...response.headers].flat());
    if (incoming.method === "HEAD" || !response.body) outgoing.end();
    else await pipe(response.body, outgoing, gone.signal);
  } catch {
    // The client went away, or a body failed that had begun: the connection is all there is to say so with.
    outgoing.destroy();
  }
}

function toRequest(incoming: IncomingMessage, signal: AbortSignal): Request {
  const headers = new Headers();
  for (let i = 0; i < incoming.rawHeaders.length; i += 2) {
    headers.append(incoming.rawHeaders[i] as string, incoming.rawHeaders[i + 1] as string);
  }
  const url = new URL(incoming.url ?? "/", `http://${incoming.headers.host ?? "localhost"}`);
  const hasBody = incoming.method !== "GET" && incoming.method !== "HEAD";
  const body = hasBody ? { body: Readable.toWeb(incoming) as ReadableStream<Uint8Array>, duplex: "half" } : {};
  return new Request(url, { method: incoming.method ?? "GET", headers, signal, ...body } as RequestInit);
}

/** Writes a body piece by piece, waiting when the client is slow, and cancels it when the client has gone. */
async function pipe(body: ReadableStream<Uint8Array>, outgoing: ServerResponse, gone: AbortSignal): Promise<void> {
  const reader = body.getReader();
  const cancel = () => void reader.cancel(gone.reason).catch(() => {});
  if (gone.aborted) return cancel();
  gone.addEventListener("abort", cancel, { once: true });
  for (;;) {
    const { done, value } = await reader.read();
    if (done || gone.aborted) break;
    if (!outgoing.write(value)) await drained(outgoing, gone);
  }
  gone.removeEventListener("abort", cancel);
  outgoing.end();
}

function drained(outgoing: ServerResponse, gone: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const settle = () => {
      outgoing.off("drain", settle);
      gone.removeEventListener("abort", settle);
      resolve();
    };
    outgoing.once("drain", settle);
    gone.addEventListener("abort", settle, { once: true });
  });
}
