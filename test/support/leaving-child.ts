/**
 * A process that opens a store with its queues, listens, and leaves it at that; only an embedded database, which runs in it, is
 * closed. Arguments: the address or nothing, the folder.
 */
import { silentLog } from "../../src/log.ts";
import { openJobs } from "../../src/store/jobs.ts";
import { Store } from "../../src/store/store.ts";

const [databaseUrl, folder = ""] = process.argv.slice(2);
const store = new Store({ databaseUrl: databaseUrl || null, folder, log: silentLog });
const db = await store.database();
await openJobs(db, { available: () => {}, failed: () => {} });
await db.listen(
  "channel",
  () => {},
  () => {},
);
if (db.kind === "embedded") await store.close();
console.log("left");
