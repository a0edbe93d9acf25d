/**
 * The `fetch` that the hub's library is given: the token goes to the hub alone and to none of the hosts it redirects to,
 * statuses become errors that say whether another try may help, and nothing is compressed, so that bytes can be counted.
 */
export interface HubAccess {
  /** Without a slash at its end. */
  readonly endpoint: string;
  readonly token: string | null;
  readonly signal: AbortSignal;
}

/** The hub, or a host it redirects to, answered with an error. */
export class HubError extends Error {
  override readonly name = "HubError";
  readonly status: number;
  /** What the hub calls it, e.g. `GatedRepo`. */
  readonly code: string | null;
  readonly retryAfterMs: number | null;

  constructor(response: Response, host: string) {
    super(`${host} answered ${response.status}`);
    this.status = response.status;
    this.code = response.headers.get("x-error-code");
    const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
    this.retryAfterMs = Number.isFinite(seconds) && seconds >= 0 ? Math.min(60, seconds) * 1000 : null;
  }

  /** Whether it may be different the next time. */
  get passing(): boolean {
    return this.status >= 500 || this.status === 429 || this.status === 408;
  }
}

/** A server does not send parts of files: what is there of one is of no use. */
export class RangeIgnored extends Error {
  override readonly name = "RangeIgnored";
}

const MAX_REDIRECTS = 10;

/** A `fetch` for GET requests. Throws `HubError`, and `RangeIgnored` where the whole came instead of a part. */
export function hubFetch({ endpoint, token, signal }: HubAccess): typeof fetch {
  const home = new URL(endpoint).origin;
  const ask = async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const given = new Headers(init.headers);
    let url = new URL(input instanceof Request ? input.url : input);
    for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
      const headers = new Headers(given);
      headers.set("accept-encoding", "identity");
      headers.set("user-agent", "stratascope");
      headers.delete("authorization");
      if (token !== null && url.origin === home) headers.set("authorization", `Bearer ${token}`);
      const response = await fetch(url, { headers, redirect: "manual", signal });
      const location = response.headers.get("location");
      if (response.status < 300 || response.status >= 400 || location === null) {
        if (!response.ok) {
          await response.body?.cancel().catch(() => {});
          throw new HubError(response, url.host);
        }
        await checkRange(given.get("range"), response, url.host);
        return response;
      }
      await response.body?.cancel().catch(() => {});
      const next = new URL(location, url);
      if (!/^https?:$/.test(next.protocol) || (url.protocol === "https:" && next.protocol === "http:"))
        throw new TypeError(`${url.host} redirects to ${next.protocol}//${next.host}, which is not followed`);
      url = next;
    }
    throw new TypeError(`${home} redirects more than ${MAX_REDIRECTS} times`);
  };
  return ask as typeof fetch;
}

/** That the part came that was asked for. */
async function checkRange(asked: string | null, response: Response, host: string): Promise<void> {
  const start = /^bytes=(\d+)-/.exec(asked ?? "")?.[1];
  if (start === undefined) return;
  const got = /^bytes (\d+)-/.exec(response.headers.get("content-range") ?? "")?.[1];
  if (response.status === 206 && got === start) return;
  await response.body?.cancel().catch(() => {});
  throw new RangeIgnored(`${host} was asked for ${asked} and answered ${response.status} ${got ?? "with the whole file"}`);
}
