/**
 * Adds to package-lock.json the optional packages of other platforms that npm left out, which it does when a
 * registry mirror lacks them; `npm ci` would then refuse the lock. Their os, cpu and libc are read from their names.
 * Run after every `npm install`: node scripts/complete-lock.mjs
 */
import { readFileSync, writeFileSync } from "node:fs";

const OS = {
  android: "android",
  darwin: "darwin",
  freebsd: "freebsd",
  linux: "linux",
  win32: "win32",
  windows: "win32",
  wasi: null,
};
const CPU = {
  aarch64: "arm64",
  arm: "arm",
  arm64: "arm64",
  ia32: "ia32",
  ppc64: "ppc64",
  riscv64: "riscv64",
  s390x: "s390x",
  wasm32: "wasm32",
  x64: "x64",
};
const LIBC = { glibc: "glibc", gnu: "glibc", musl: "musl" };

const file = new URL("../package-lock.json", import.meta.url);
const lock = JSON.parse(readFileSync(file, "utf8"));

/** The place where `from` would find `name`: nested folders first, as Node looks. */
function find(from, name) {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf("/node_modules/")))) {
    const path = `${folder}${folder ? "/" : ""}node_modules/${name}`;
    if (lock.packages[path]) return path;
    if (!folder.includes("/node_modules/")) return lock.packages[`node_modules/${name}`] ? `node_modules/${name}` : null;
  }
}

function entry(name, version, dev) {
  const words = name.split(/[/_-]/);
  const pick = (table) =>
    words
      .filter((word) => Object.hasOwn(table, word))
      .map((word) => table[word])
      .filter(Boolean);
  const [cpu, os, libc] = [pick(CPU), pick(OS), pick(LIBC)];
  if (!cpu.length && !os.length) throw new Error(`${name}@${version}: no platform in its name`);
  return {
    version,
    cpu,
    ...(dev ? { dev } : {}),
    ...(libc.length ? { libc } : {}),
    optional: true,
    ...(os.length ? { os } : {}),
  };
}

const added = {};
for (const [path, held] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(held.optionalDependencies ?? {})) {
    if (find(path, name)) continue;
    if (!/^\d/.test(version)) throw new Error(`${name}: "${version}" is no exact version`);
    added[`node_modules/${name}`] = entry(name, version, held.dev);
  }
}
const packages = Object.entries({ ...lock.packages, ...added }).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
writeFileSync(file, `${JSON.stringify({ ...lock, packages: Object.fromEntries(packages) }, null, 2)}\n`);
console.log(`${Object.keys(added).length} packages of other platforms added`);
