/** `npm run bench`: every figure with its bar, as a table; ratios are taken within one run. */
import { randomCheckpoint } from "./checkpoint.ts";
import { machineName } from "./machine.ts";
import { benchService, benchStart } from "./service.ts";
import { benchSweeps } from "./sweeps.ts";

const only = process.argv[2];
console.log(`On ${machineName()}, Bun ${process.versions.bun}.\n`);
console.log("| figure | bar | measured | | detail |\n|---|---|---|---|---|");
const folder = randomCheckpoint();
if (!only || only === "sweeps") await benchSweeps(folder);
if (!only || only === "service") await benchService();
if (!only || only === "start") await benchStart();
process.exit(0);
