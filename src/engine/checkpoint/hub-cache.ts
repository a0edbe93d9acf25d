/**
 * The cache of the hub's clients as it lies on disk, shared with every other program that uses it:
 * `models--org--name/{blobs,refs,snapshots}`, where a snapshot's files are links to blobs named by their hash.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { statOf } from "./files.ts";
import { INDEX_FILE, SINGLE_FILE } from "./weights.ts";

/** A model on the hub, and which revision of it. */
export interface HubName {
  /** `org/name`, or `name` alone for the hub's oldest models. */
  readonly repo: string;
  /** A branch, a tag or a commit. */
  readonly revision: string;
}

export const DEFAULT_REVISION = "main";

/** A commit, in full. */
export const COMMIT = /^[0-9a-f]{40}$/;

const PREFIX = "models--";
/** The hub allows letters, digits, `_`, `-` and `.`, at most 96 characters, and neither `--` nor `..` within. */
const PART = "[A-Za-z0-9_][A-Za-z0-9_.-]{0,95}";
const REPO = new RegExp(`^${PART}(/${PART})?$`);
const REVISION = /^[A-Za-z0-9_][A-Za-z0-9_./-]{0,199}$/;

/** Reads `org/name`, `org--name`, either with `@revision`; null where it cannot be a name of the hub. */
export function parseHubName(text: string): HubName | null {
  const at = text.indexOf("@");
  const name = at < 0 ? text : text.slice(0, at);
  const revision = at < 0 ? DEFAULT_REVISION : text.slice(at + 1);
  const repo = name.includes("/") ? name : name.replace("--", "/");
  if (!REPO.test(repo) || /--|\.\./.test(repo) || repo.endsWith(".git")) return null;
  if (!REVISION.test(revision) || revision.split("/").some((part) => part === "" || part.startsWith("."))) return null;
  return revision.includes("..") ? null : { repo, revision };
}

/** A model's id: its name with `--` for the slash, and the revision where it is not the usual one. */
export function hubId({ repo, revision }: HubName): string {
  return (revision === DEFAULT_REVISION ? repo : `${repo}@${revision}`).replaceAll("/", "--");
}

/** Where a model's files are kept. */
export function repoFolder(cache: string, repo: string): string {
  return join(cache, PREFIX + repo.replaceAll("/", "--"));
}

/** The folder with a revision's files; undefined where the cache has not all that makes a model. */
export function findSnapshot(cache: string, { repo, revision }: HubName): string | undefined {
  const folder = repoFolder(cache, repo);
  // An id has -- where the name of a branch may have a slash.
  for (const ref of new Set([revision, revision.replaceAll("--", "/")])) {
    const commit = COMMIT.test(ref) ? ref : readRef(join(folder, "refs", ref));
    const snapshot = commit && join(folder, "snapshots", commit);
    if (snapshot && holdsModel(snapshot)) return snapshot;
  }
  return undefined;
}

/** Every model of the cache: one entry a branch or tag, and one a commit that has neither. */
export function listSnapshots(cache: string): { readonly id: string; readonly folder: string }[] {
  const found: { id: string; folder: string }[] = [];
  for (const name of namesIn(cache)) {
    const repo = name.startsWith(PREFIX) ? parseHubName(name.slice(PREFIX.length))?.repo : undefined;
    if (!repo) continue;
    const folder = join(cache, name);
    const refs = refsIn(join(folder, "refs"));
    const commits = namesIn(join(folder, "snapshots")).filter((commit) => COMMIT.test(commit));
    const named = new Set(refs.map(({ commit }) => commit));
    for (const revision of [...refs.map(({ ref }) => ref), ...commits.filter((commit) => !named.has(commit))]) {
      const snapshot = parseHubName(`${repo}@${revision}`) && findSnapshot(cache, { repo, revision });
      if (snapshot) found.push({ id: hubId({ repo, revision }), folder: snapshot });
    }
  }
  return found;
}

/** What a snapshot's folder is called to people: the model's id rather than a commit; null for any other folder. */
export function snapshotName(folder: string): string | null {
  return /(?:^|[/\\])models--([^/\\]+)[/\\]snapshots[/\\][0-9a-f]{40}[/\\]?$/.exec(folder)?.[1] ?? null;
}

function holdsModel(folder: string): boolean {
  const has = (name: string): boolean => statOf(join(folder, name))?.isFile() ?? false;
  return has("config.json") && (has(SINGLE_FILE) || has(INDEX_FILE));
}

/** Branches and tags, those with a slash in their name in folders of their own. */
function refsIn(folder: string, prefix = "", depth = 0): { ref: string; commit: string }[] {
  return namesIn(folder).flatMap((name) => {
    const path = join(folder, name);
    if (statOf(path)?.isDirectory()) return depth < 3 ? refsIn(path, `${prefix}${name}/`, depth + 1) : [];
    const commit = readRef(path);
    return commit ? [{ ref: prefix + name, commit }] : [];
  });
}

function readRef(path: string): string | null {
  // Anything but a small file is no ref, and reading it could take for ever.
  const stat = statOf(path);
  if (!stat?.isFile() || stat.size > 100) return null;
  try {
    const commit = readFileSync(path, "latin1").trim();
    return COMMIT.test(commit) ? commit : null;
  } catch {
    return null;
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}
