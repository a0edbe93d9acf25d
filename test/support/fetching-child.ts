/**
 * A worker of its own: fetches jobs from the queue `chunks` of a database, tells of each (`job ID`), and ends it. Arguments: the
 * database's address; how many it fetches at a time; `hold`: it keeps the first that it fetched until it is killed.
 */
import { silentLog } from "../../src/log.ts";
import { openJobs } from "../../src/store/jobs.ts";
import { Store } from "../../src/store/store.ts";

const [databaseUrl = "", n = "1", hold] = process.argv.slice(2);
const store = new Store({ databaseUrl, folder: "", log: silentLog });
const db = await store.database();
const failed = (error: unknown) => {
  throw error;
};
const jobs = await openJobs(db, { available: () => {}, failed });
console.log("ready");
for (;;) {
  const fetched = await jobs.fetch("chunks", Number(n));
  for (const { id } of fetched) console.log(`job ${id}`);
  if (hold && fetched.length > 0) setInterval(() => {}, 1000);
  if (hold || fetched.length === 0) break;
  for (const { id } of fetched) await db.transaction((tx) => jobs.complete(tx, "chunks", id));
}
// Nothing is closed: neither the connections nor the queues' timers keep it from ending.
