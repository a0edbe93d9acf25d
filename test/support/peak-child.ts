/** A process of its own: runs a prompt of a length in the engine and prints the most bytes of memory that it had. */
import { loadForTest, range, runJob } from "./engine.ts";

const [folder, length] = process.argv.slice(2) as [string, string];
const model = await loadForTest(folder);
const tokens = range(Number(length)).map((i) => (i * 37) % model.spec.tokenCount);
await runJob(model, { tokens, readout: { positions: [tokens.length - 1], layers: "final", topK: 5 } });
await model.close();
process.stdout.write(String(process.resourceUsage().maxRSS * 1024));
