/** Node's HTTP server for an app of Requests and Responses: bodies stream at the client's pace, both ways. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
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
    discardRest(incoming);
    if (incoming.method === "HEAD" || !response.body) outgoing.end();
    else await pipe(response.body, outgoing, gone.signal);
  } catch {
    // The client went away, or a body failed that had begun: the connection is all there is to say so with.
    outgoing.destroy();
  }
}

/** What comes, read when it is asked for. Node's own conversion fails, uncaught, when more comes after a cancel. */
function bodyOf(incoming: IncomingMessage): ReadableStream<Uint8Array> {
  const pieces: AsyncIterator<Uint8Array> = incoming.iterator({ destroyOnReturn: false });
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await pieces.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        await pieces.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}

/** Of a body that nobody wanted, before the connection is cut. */
const MAX_DISCARDED_BYTES = 256 * 2 ** 20;

/** Lets go by what is left of a body, so that its sender sees the answer and can use the connection again. */
function discardRest(incoming: IncomingMessage): void {
  if (incoming.complete) return;
  let left = MAX_DISCARDED_BYTES;
  incoming.on("data", ({ length }: Uint8Array) => {
    left -= length;
    if (left < 0) incoming.destroy();
  });
  incoming.resume();
}

function toRequest(incoming: IncomingMessage, signal: AbortSignal): Request {
  const headers = new Headers();
  for (let i = 0; i < incoming.rawHeaders.length; i += 2) {
    headers.append(incoming.rawHeaders[i] as string, incoming.rawHeaders[i + 1] as string);
  }
  const url = new URL(incoming.url ?? "/", `http://${incoming.headers.host ?? "localhost"}`);
  const hasBody = incoming.method !== "GET" && incoming.method !== "HEAD";
  const body = hasBody ? { body: bodyOf(incoming), duplex: "half" } : {};
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
