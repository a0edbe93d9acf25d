/** A PostgreSQL server of a test's own: in a temporary folder, on a free port, run by nobody in particular. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import pg from "pg";

/** Where Debian puts the newest one, or whatever is on the PATH. */
const DEBIAN = "/usr/lib/postgresql";
const folders = [
  ...(existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)) : []).map((each) =>
    join(DEBIAN, each, "bin"),
  ),
  ...(process.env.PATH ?? "").split(delimiter),
];
const bin = folders.find((folder) => existsSync(join(folder, "initdb")) && existsSync(join(folder, "postgres")));

/** A server refuses to run as root. */
const user: { readonly uid: number; readonly gid: number } | null | undefined =
  process.getuid?.() === 0 ? unprivileged() : undefined;

export const hasPostgres = bin !== undefined && user !== null;
if (!hasPostgres)
  console.warn("The tests over a PostgreSQL server are skipped: there is none (Debian: apt-get install postgresql).");

const START_MS = 30_000;
const PASSWORD = "a secret?";

export interface TestPostgres {
  /** With a password. */
  readonly url: string;
  readonly port: number;
  start(): Promise<void>;
  /** `fast`: transactions are rolled back and connections ended; `immediate`: as in a crash, but orderly. */
  stop(how: "fast" | "immediate"): Promise<void>;
  restart(): Promise<void>;
  /** SIGKILL to the server and all of its processes. */
  kill(): Promise<void>;
  /** Lets it do nothing until it is to go on. */
  pause(): void;
  resume(): void;
  /** A new database; its address. */
  create(name: string): Promise<string>;
  /** Ends it, and removes its folder. */
  remove(): Promise<void>;
}

/** A server that runs. */
export async function startPostgres(): Promise<TestPostgres> {
  const root = mkdtempSync(join(tmpdir(), "stratascope-postgres-"));
  const data = join(root, "data");
  const passwordFile = join(root, "password");
  writeFileSync(passwordFile, PASSWORD);
  if (user?.uid !== undefined) for (const path of [root, passwordFile]) chownSync(path, user.uid, user.gid);
  must("initdb", ["-D", data, "-U", "tester", "-A", "scram-sha-256", `--pwfile=${passwordFile}`, "--no-sync", "-E", "UTF8"]);
  const port = await freePort();
  const urlOf = (name: string) => `postgres://tester:${encodeURIComponent(PASSWORD)}@127.0.0.1:${port}/${name}`;
  let child: ChildProcess | null = null;

  const start = async () => {
    const options = ["-c", "fsync=off", "-c", "listen_addresses=127.0.0.1", "-c", `unix_socket_directories=${root}`];
    child = spawn(join(bin ?? "", "postgres"), ["-D", data, "-p", String(port), ...options], {
      ...{ ...user, cwd: root, stdio: ["ignore", "ignore", "pipe"] },
    });
    await ready(child);
  };
  /** To the server and its processes, one for each connection and some more. */
  const signal = (signal: NodeJS.Signals) => {
    if (child?.pid === undefined) return;
    for (const pid of [child.pid, ...childrenOf(child.pid)]) if (isThere(pid)) process.kill(pid, signal);
  };
  const end = async (how: NodeJS.Signals, all = false) => {
    const ending = child;
    if (!ending || ending.exitCode !== null || ending.signalCode !== null) return;
    const ended = new Promise((resolve) => ending.once("exit", resolve));
    if (all) signal(how);
    else ending.kill(how);
    child = null;
    await ended;
  };
  const stopAtExit = () => signal("SIGKILL");
  process.on("exit", stopAtExit);

  await start();
  return {
    ...{ url: urlOf("postgres"), port, start },
    stop: (how) => end(how === "fast" ? "SIGINT" : "SIGQUIT"),
    async restart() {
      await end("SIGINT");
      await start();
    },
    kill: () => end("SIGKILL", true),
    pause: () => signal("SIGSTOP"),
    resume: () => signal("SIGCONT"),
    async create(name) {
      const client = new pg.Client(urlOf("postgres"));
      await client.connect();
      await client.query(`CREATE DATABASE ${name}`);
      await client.end();
      return urlOf(name);
    },
    async remove() {
      process.off("exit", stopAtExit);
      await end("SIGQUIT");
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/** Each of a server's processes is the leader of its own group, so that no one signal reaches all. */
function childrenOf(pid: number): number[] {
  const lines = spawnSync("ps", ["-A", "-o", "pid=,ppid="], { encoding: "utf8" }).stdout.trim().split("\n");
  return lines
    .map((line) => line.trim().split(/\s+/).map(Number))
    .flatMap(([child = 0, parent]) => (parent === pid ? [child] : []));
}

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Runs a program of PostgreSQL's to its end. */
function must(program: string, args: readonly string[]): void {
  const path = join(bin ?? "", program);
  const { status, stderr, error } = spawnSync(path, args, { ...user, cwd: tmpdir(), encoding: "utf8" });
  if (status !== 0) throw new Error(`${program} ended with ${status}: ${stderr || error}`);
}

/** Resolves when the server lets somebody in. */
function ready(child: ChildProcess): Promise<void> {
  let said = "";
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`the server did not start: ${said}`)), START_MS);
    child.stderr?.on("data", (chunk: Buffer) => {
      said += chunk;
      if (!said.includes("ready to accept connections")) return;
      clearTimeout(timer);
      said = "";
      resolve();
    });
    child.once("exit", (code) => {
      clearTimeout(timer);
      reject(new Error(`the server ended with ${code}: ${said}`));
    });
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port is free");
  return address.port;
}

/** null: there is no such user. */
function unprivileged(): { readonly uid: number; readonly gid: number } | null {
  for (const name of ["postgres", "nobody"]) {
    const [uid, gid] = ["-u", "-g"].map((flag) =>
      Number.parseInt(spawnSync("id", [flag, name], { encoding: "utf8" }).stdout, 10),
    );
    if (uid && gid) return { uid, gid };
  }
  return null;
}
