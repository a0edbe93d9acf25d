/**
 * Makes src/store/template.tar.zst, the empty cluster of embedded databases, of the PGlite that is installed: to be run again, and
 * its file committed, whenever PGlite's version changes (a test says so).
 *
 *   node_modules/.bin/node scripts/store-template.ts
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { constants, zstdCompressSync } from "node:zlib";
import { PGlite } from "@electric-sql/pglite";
import { TEMPLATE_PATH, TEMPLATE_VERSION } from "../src/store/template.ts";

const root = mkdtempSync(join(tmpdir(), "stratascope-template-"));
try {
  const folder = join(root, "cluster");
  const startParams = [...PGlite.defaultStartParams, "-c", "wal_recycle=off", "-c", "min_wal_size=32MB"];
  const lite = await PGlite.create(folder, { startParams });
  // Two copies of an empty database that nobody will make another one from.
  await lite.exec("UPDATE pg_database SET datistemplate = false, datallowconn = true");
  for (const name of ["template0", "template1"]) await lite.exec(`DROP DATABASE ${name}`);
  await lite.exec("VACUUM FREEZE");
  // A log with nothing in it but the checkpoint to start from.
  await lite.exec("SELECT pg_switch_wal()");
  for (let i = 0; i < 2; i++) await lite.exec("CHECKPOINT");
  await lite.close();

  const { version } = JSON.parse(readFileSync("node_modules/@electric-sql/pglite/package.json", "utf8")) as { version: string };
  writeFileSync(join(folder, TEMPLATE_VERSION), `${version}\n`);
  const { stdout, stderr, status } = spawnSync(
    "tar",
    ["--format=ustar", "-cf", "-", "-C", folder, ...readdirSync(folder).sort()],
    {
      maxBuffer: 2 ** 30,
    },
  );
  if (status !== 0) throw new Error(`tar ended with ${status}: ${stderr}`);
  const params = {
    [constants.ZSTD_c_compressionLevel]: 19,
    [constants.ZSTD_c_windowLog]: 25,
    [constants.ZSTD_c_enableLongDistanceMatching]: 1,
  };
  const packed = zstdCompressSync(stdout, { params });
  writeFileSync(TEMPLATE_PATH, packed);
  console.log(`${TEMPLATE_PATH}: ${packed.length} bytes, ${stdout.length} unpacked, PGlite ${version}`);
} finally {
  rmSync(root, { recursive: true });
}
