/** A hub of the test's own: a server that speaks the hub's protocol, and a second one that large files are redirected to. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

export interface HubFault {
  /** Ends the connection after so many bytes of a body, so many times. */
  dropAfter?: number;
  drops?: number;
  /** Sends other bytes than the hash states. */
  corrupt?: boolean;
  /** Sends the whole where a part is asked for. */
  ignoreRange?: boolean;
  /** Answers with these statuses first, one a request. */
  statuses?: number[];
  /** Sends so many bytes, and the rest when it is let. */
  holdAfter?: number;
  released?: Promise<void>;
  /** Waits between parts of the body, in ms. */
  paceMs?: number;
  /** Sends so many bytes and then nothing, once. */
  stallAfter?: number;
  /** Redirects to this address. */
  redirect?: string;
}

export interface HubRepo {
  readonly files: Map<string, Buffer>;
  /** Branches and tags. */
  readonly refs: Record<string, string>;
  /** What needs a token; `private` is hidden from those without. */
  access?: "gated" | "private";
  readonly faults: Record<string, HubFault>;
  /** Said of a file instead of its size. */
  readonly sizes: Record<string, number>;
}

export interface SeenRequest {
  readonly host: "hub" | "cdn";
  readonly path: string;
  readonly range: string | undefined;
  readonly authorization: string | undefined;
}

export interface TestHub {
  readonly url: string;
  readonly cdnUrl: string;
  readonly requests: SeenRequest[];
  readonly repos: Map<string, HubRepo>;
  /** Adds a repository with a folder's files. */
  add(name: string, folder: string): HubRepo;
  close(): Promise<void>;
}

/** What has more bytes is in the large storage. */
const LARGE_BYTES = 20_000;

export const TOKEN = "a-token-of-the-test";

export const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
export const gitSha1 = (bytes: Uint8Array): string =>
  createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
export const commitOf = (files: ReadonlyMap<string, Buffer>): string =>
  createHash("sha1")
    .update([...files].map(([path, bytes]) => path + sha256(bytes)).join())
    .digest("hex");

/** Both servers, on free ports of the loopback interface. */
export async function startHub(): Promise<TestHub> {
  const repos = new Map<string, HubRepo>();
  const requests: SeenRequest[] = [];
  const see = (host: "hub" | "cdn", { url = "", headers }: IncomingMessage) =>
    requests.push({ host, path: url, range: headers.range, authorization: headers.authorization });

  const cdn = createServer((request, response) => {
    see("cdn", request);
    const url = new URL(request.url ?? "", "http://cdn");
    const [name = "", path = ""] = [url.searchParams.get("repo") ?? "", url.searchParams.get("path") ?? ""];
    const repo = repos.get(name);
    const bytes = repo?.files.get(path);
    if (!repo || !bytes) return end(response, 404);
    void sendFile(request, response, bytes, faultOf(repo, path));
  });
  const cdnUrl = await listen(cdn);

  const hub = createServer((request, response) => {
    see("hub", request);
    const { pathname } = new URL(request.url ?? "", "http://hub");
    const api = /^\/api\/models\/(.+?)\/(revision|tree)\/([^/]+)$/.exec(pathname);
    const resolve = /^\/(.+?)\/resolve\/([^/]+)\/(.+)$/.exec(pathname);
    const name = api?.[1] ?? resolve?.[1] ?? "";
    const repo = repos.get(name);
    const authorized = request.headers.authorization === `Bearer ${TOKEN}`;
    if (!repo || (repo.access === "private" && !authorized)) return end(response, authorized ? 404 : 401, "RepoNotFound");
    const revision = decodeURIComponent(api?.[3] ?? resolve?.[2] ?? "");
    const commit = commitOf(repo.files);
    if (revision !== commit && repo.refs[revision] === undefined) return end(response, 404, "RevisionNotFound");
    if (api) {
      const status = repo.faults[`/${api[2]}`]?.statuses?.shift();
      if (status) return end(response, status);
      return json(response, api[2] === "revision" ? { _id: "0", id: name, sha: commit, lastModified: new Date(0) } : tree(repo));
    }
    const path = decodeURIComponent(resolve?.[3] ?? "");
    const bytes = repo.files.get(path);
    if (!bytes) return end(response, 404, "EntryNotFound");
    if (repo.access === "gated" && !authorized) return end(response, 401, "GatedRepo");
    const fault = faultOf(repo, path);
    const status = fault.statuses?.shift();
    if (status) return end(response, status);
    response.setHeader("X-Repo-Commit", commit);
    if (fault.redirect) return void response.writeHead(302, { location: fault.redirect }).end();
    if (bytes.length <= LARGE_BYTES) {
      response.setHeader("ETag", `"${gitSha1(bytes)}"`);
      return void sendFile(request, response, bytes, fault);
    }
    const query = new URLSearchParams({ repo: name, path });
    const headers = { "X-Linked-ETag": `"${sha256(bytes)}"`, "X-Linked-Size": bytes.length };
    response.writeHead(302, { ...headers, location: `${cdnUrl}/storage?${query}` }).end();
  });
  const url = await listen(hub);

  return {
    ...{ url, cdnUrl, requests, repos },
    add(name, folder) {
      const files = new Map(readdirSync(folder).map((path) => [path, readFileSync(join(folder, path))]));
      const repo: HubRepo = { files, refs: { main: "main" }, faults: {}, sizes: {} };
      repos.set(name, repo);
      return repo;
    },
    async close() {
      for (const server of [hub, cdn]) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    },
  };
}

function faultOf({ faults }: HubRepo, path: string): HubFault {
  faults[path] ??= {};
  return faults[path];
}

function tree({ files, sizes }: HubRepo): unknown[] {
  return [...files].map(([path, bytes]) => {
    const size = sizes[path] ?? bytes.length;
    const common = { type: "file", path, size };
    if (bytes.length <= LARGE_BYTES) return { ...common, oid: gitSha1(bytes) };
    const pointer = Buffer.from(`oid sha256:${sha256(bytes)}`);
    return { ...common, oid: gitSha1(pointer), lfs: { oid: sha256(bytes), size, pointerSize: 130 }, xetHash: "0".repeat(64) };
  });
}

async function sendFile(request: IncomingMessage, response: ServerResponse, whole: Buffer, fault: HubFault): Promise<void> {
  const from = fault.ignoreRange ? 0 : Number(/^bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
  const partial = request.headers.range !== undefined && !fault.ignoreRange;
  const bytes = Buffer.from(whole.subarray(from));
  if (fault.corrupt && bytes.length > 0) bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  response.writeHead(partial ? 206 : 200, {
    "Accept-Ranges": "bytes",
    "Content-Length": bytes.length,
    ...(partial && { "Content-Range": `bytes ${from}-${whole.length - 1}/${whole.length}` }),
  });
  let limit = bytes.length;
  const drops = fault.drops !== undefined && fault.drops > 0 && fault.dropAfter !== undefined;
  if (drops) {
    fault.drops = (fault.drops ?? 0) - 1;
    limit = Math.min(limit, fault.dropAfter ?? 0);
  }
  const stalls = fault.stallAfter;
  if (stalls !== undefined) {
    limit = stalls;
    delete fault.stallAfter;
  }
  if (fault.holdAfter !== undefined) {
    await new Promise((resolve) => response.write(bytes.subarray(0, fault.holdAfter), resolve));
    await fault.released;
  }
  const part = fault.paceMs ? 16_384 : 1 << 20;
  for (let at = fault.holdAfter ?? 0; at < limit && !response.destroyed; at += part) {
    await new Promise((resolve) => response.write(bytes.subarray(at, Math.min(limit, at + part)), resolve));
    if (fault.paceMs) await new Promise((resolve) => setTimeout(resolve, fault.paceMs));
  }
  if (drops) response.destroy();
  else if (stalls === undefined) response.end();
}

function json(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
}

function end(response: ServerResponse, status: number, code?: string): void {
  response.writeHead(status, { "content-type": "application/json", ...(code && { "X-Error-Code": code }) });
  response.end(JSON.stringify({ error: code ?? "no" }));
}

function listen(server: Server): Promise<string> {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
  });
}
