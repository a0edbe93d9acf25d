/** A process that has an embedded database open until its input ends. Arguments: the folder. */
import { openEmbedded } from "../../src/store/pglite.ts";

const db = await openEmbedded(process.argv[2] ?? "");
console.log("open");
process.stdin.on("data", () => {});
await new Promise((resolve) => process.stdin.once("end", resolve));
await db.close();
