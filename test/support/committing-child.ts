/**
 * A process that stores rows in an embedded database as fast as it can until it is killed, and tells of each one that was
 * committed: `row N`, after `open N` with how many whole rows there were. Arguments: the folder.
 */
import { createHash, randomBytes } from "node:crypto";
import { writeSync } from "node:fs";
import { openEmbedded } from "../../src/store/pglite.ts";

const say = (line: string) => writeSync(1, `${line}\n`);

const db = await openEmbedded(process.argv[2] ?? "");
await db.query(`CREATE TABLE IF NOT EXISTS rows (n integer PRIMARY KEY, content bytea NOT NULL, digest text NOT NULL);
  CREATE TABLE IF NOT EXISTS total (rows integer NOT NULL, bytes bigint NOT NULL);
  INSERT INTO total SELECT 0, 0 WHERE NOT EXISTS (SELECT 1 FROM total)`);
const [whole] = await db.query<{ rows: number }>(
  "SELECT count(*)::int AS rows FROM rows WHERE encode(sha256(content), 'hex') = digest",
);
say(`open ${whole?.rows}`);
for (let n = (whole?.rows ?? 0) + 1; ; n++) {
  // Most are small; some are larger than what the database holds in memory.
  const content = randomBytes(Math.floor(10 ** (2 + 4 * Math.random())));
  await db.transaction(async (tx) => {
    await tx.query("UPDATE total SET rows = rows + 1, bytes = bytes + $1", [content.length]);
    await tx.query("INSERT INTO rows VALUES ($1, $2, $3)", [n, content, createHash("sha256").update(content).digest("hex")]);
  });
  say(`row ${n}`);
  if (n % 7 === 0) await db.query(n % 2 === 0 ? "VACUUM total" : "CHECKPOINT");
}
