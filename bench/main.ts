/** `npm run bench`: every figure with its bar, as a table; ratios are taken within one run. */
import { randomCheckpoint } from "./checkpoint.ts";
import { benchLarge } from "./large.ts";
import { machineName } from "./machine.ts";
import { benchService, benchStart } from "./service.ts";
import { benchSweeps } from "./sweeps.ts";

console.log(`On ${machineName()}, Bun ${process.versions.bun}.\n`);
console.log("| figure | bar | measured | | detail |\n|---|---|---|---|---|");
const parts = await benchSweeps(randomCheckpoint());
await benchService(parts);
await benchStart();
await benchLarge(process.argv.includes("--folded"));
process.exit(0);
