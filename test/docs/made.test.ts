/** What `npm run docs` put into the pages is what the product prints: words the same, numbers to what is printed of them. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { withResultRow } from "../../scripts/docs/experiments.ts";
import { commandIn, pictureAgain } from "../../scripts/docs/pictures.ts";
import type { Product } from "../../scripts/docs/product.ts";
import { streamBlock } from "../../scripts/docs/stream.ts";
import { createClient } from "../../src/cli/client.ts";
import { experimentsOf } from "../../src/cli/experiments-client.ts";
import { fromWire } from "../../src/report/results/outcome.ts";
import { hasRealModel, REAL_MODEL } from "../support/real-model.ts";
import { startService } from "../support/service.ts";

/** Other processors round otherwise: so far numbers may differ. */
const RELATIVE = 2e-3;

/** The line that says how long it took, and how it does depends on that. */
const TIME = /<text [^>]*>[^<]* in all[^<]*<\/text>/g;

/** Numbers of a text, and what stands between them, bars of any length among it. */
function apart(whole: string): { numbers: string[]; words: string } {
  const text = whole.replace(TIME, "");
  const number = /\d+(?:\.\d+)?(?:e[+-]?\d+)?/g;
  return { numbers: text.match(number) ?? [], words: text.replace(number, "#").replace(/[█▏▎▍▌▋▊▉]+/g, "▒") };
}

function expectAlike(made: string, page: string): void {
  const [now, before] = [apart(made), apart(page)];
  expect(before.words).toBe(now.words);
  now.numbers.forEach((number, i) => {
    const other = before.numbers[i] as string;
    const decimals = Math.min(...[number, other].map((each) => each.split(".")[1]?.length ?? 0));
    const bound = Math.max(10 ** -decimals * 1.01, RELATIVE * Math.abs(Number(number)));
    if (number !== other) expect(Math.abs(Number(number) - Number(other)), `${other}, ${number}`).toBeLessThanOrEqual(bound);
  });
}

/** The product over a service of this test. */
async function withProduct(modelsDir: string, use: (product: Product) => Promise<void>): Promise<void> {
  const DATA_DIR = mkdtempSync(join(tmpdir(), "stratascope-docs-"));
  const service = await startService({ DATA_DIR, MODELS_DIR: modelsDir });
  const client = createClient(service.url);
  const experiments = experimentsOf(client);
  try {
    await use({
      client,
      missing: [],
      folderOf: (model) => join(modelsDir, model),
      // A service of its own: this one's process waits meanwhile.
      command: (args) =>
        execFileSync("node", ["bin/stratascope.mjs", ...args], {
          encoding: "utf8",
          env: { ...process.env, MODELS_DIR: modelsDir },
        }),
      async experiment(body) {
        const { id } = await experiments.start(body);
        for await (const event of experiments.events(id)) expect(event.type).not.toBe("error");
        return { id, result: fromWire(await experiments.result(id)) };
      },
      stop: async () => {},
    });
  } finally {
    await service.stop();
  }
}

/** Widths of bars and of what stands after them follow the numbers. */
function withoutPlaces(picture: string): string {
  return picture.replace(/ (?:x|textLength)="[\d.]+"/g, "");
}

it("docs/demo.svg and the row of a result in docs/experiments.md", { timeout: 120_000 }, () =>
  withProduct("models", async (product) => {
    const picture = readFileSync("docs/demo.svg", "utf8");
    expect(commandIn(picture)[0]).toBe("run");
    expectAlike(withoutPlaces(pictureAgain(product, picture)), withoutPlaces(picture));
    const page = readFileSync("docs/experiments.md", "utf8");
    expectAlike(await withResultRow(product, page), page);
  }),
);

it.runIf(hasRealModel)("The stream in the README and docs/sweep.svg, of the real model", { timeout: 120_000 }, () =>
  withProduct(join(REAL_MODEL, ".."), async (product) => {
    const readme = readFileSync("README.md", "utf8");
    const [, block = ""] = /<!-- made: stream -->\n(.*?)\n<!-- \/made -->/s.exec(readme) ?? [];
    expectAlike(await streamBlock(product, readme), block);
    const picture = readFileSync("docs/sweep.svg", "utf8");
    expectAlike(withoutPlaces(pictureAgain(product, picture)), withoutPlaces(picture));
  }),
);
