/** Listens on the runtime at hand: Bun, Deno, or Node through an adaptor of our own. */

/** What the app is given beside the request. */
export interface Bindings {
  /** This request may be silent for long. */
  readonly hold?: () => void;
}

export type Fetch = (request: Request, bindings: Bindings) => Response | Promise<Response>;

export interface Listening {
  readonly port: number;
  /** Takes no more connections and waits for those there are; with force, cuts them off. */
  stop(force: boolean): Promise<void>;
}

export interface Address {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
}

interface BunServer {
  readonly port: number;
  timeout(request: Request, seconds: number): void;
  stop(force: boolean): Promise<void>;
}

interface BunRuntime {
  serve(options: {
    hostname: string;
    port: number;
    idleTimeout: number;
    maxRequestBodySize: number;
    fetch: (request: Request, server: BunServer) => Response | Promise<Response>;
  }): BunServer;
}

interface DenoRuntime {
  serve(
    options: { hostname: string; port: number; onListen: (at: { port: number }) => void; signal: AbortSignal },
    handler: (request: Request) => Response | Promise<Response>,
  ): { shutdown(): Promise<void>; readonly finished: Promise<void> };
}

/** Seconds that Bun lets a connection be silent; streams send a heartbeat more often. */
const IDLE_SECONDS = 60;

const runtimes = globalThis as { readonly Bun?: BunRuntime; readonly Deno?: DenoRuntime };

/** Starts to listen. Rejects when the address cannot be had. */
export async function listen(fetch: Fetch, address: Address): Promise<Listening> {
  if (runtimes.Bun) return listenOnBun(runtimes.Bun, fetch, address);
  if (runtimes.Deno) return listenOnDeno(runtimes.Deno, fetch, address);
  const { listenOnNode } = await import("./listen-node.ts");
  return listenOnNode(fetch, address);
}

function listenOnBun(bun: BunRuntime, fetch: Fetch, { host, port }: Address): Listening {
  const server = bun.serve({
    hostname: host,
    port,
    idleTimeout: IDLE_SECONDS,
    maxRequestBodySize: Number.MAX_SAFE_INTEGER, // bodies are bounded where they are read, and the answer says by what
    fetch: (request, self) => fetch(request, { hold: () => self.timeout(request, 0) }),
  });
  return { port: server.port, stop: (force) => server.stop(force) };
}

async function listenOnDeno(deno: DenoRuntime, fetch: Fetch, { host, port }: Address): Promise<Listening> {
  const abort = new AbortController();
  const { promise, resolve } = Promise.withResolvers<number>();
  const onListen = (at: { port: number }) => resolve(at.port);
  const server = deno.serve({ hostname: host, port, onListen, signal: abort.signal }, (request) => fetch(request, {}));
  let over = false;
  void server.finished.then(() => {
    over = true;
  });
  return {
    port: await promise,
    stop: async (force) => {
      // A server that has shut down has nothing left to abort, and says so loudly.
      if (force && !over) abort.abort();
      else void server.shutdown();
      await server.finished;
    },
  };
}
