/** `npm run bench`: every figure with its bar, as a table; ratios are taken within one run. */
import { benchCertify } from "./certify.ts";
import { randomCheckpoint } from "./checkpoint.ts";
import { benchExperiments } from "./experiments.ts";
import { benchExperimentsService } from "./experiments-service.ts";
import { benchFamilies } from "./families.ts";
import { benchInterventions } from "./interventions.ts";
import { benchLarge } from "./large.ts";
import { benchLong } from "./long.ts";
import { machineName } from "./machine.ts";
import { benchReadout } from "./readout.ts";
import { benchRealModel } from "./real-model.ts";
import { benchService, benchStart } from "./service.ts";
import { benchSweeps } from "./sweeps.ts";
import { benchTokenizer } from "./tokenizer.ts";

console.log(`On ${machineName()}, Bun ${process.versions.bun}.\n`);
console.log("| figure | bar | measured | | detail |\n|---|---|---|---|---|");
/** `npm run bench -- sweeps families`: only those; without names, all. */
const named = process.argv.slice(2).filter((word) => !word.startsWith("--"));
const wanted = (name: string) => named.length === 0 || named.includes(name);

if (wanted("sweeps") || wanted("service")) {
  const parts = await benchSweeps(randomCheckpoint());
  if (wanted("service")) await benchService(parts);
}
if (wanted("readout")) await benchReadout();
if (wanted("start")) await benchStart();
if (wanted("certify")) await benchCertify();
if (wanted("interventions")) await benchInterventions(randomCheckpoint());
if (wanted("experiments")) await benchExperiments(randomCheckpoint());
if (wanted("experiments-service")) await benchExperimentsService(randomCheckpoint());
if (wanted("families")) await benchFamilies();
if (wanted("real-model")) await benchRealModel();
if (wanted("tokenizer")) await benchTokenizer();
if (wanted("long")) await benchLong();
if (wanted("large")) await benchLarge(process.argv.includes("--folded"));
process.exit(0);
