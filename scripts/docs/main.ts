/**
 * `npm run docs`: every number of README.md and docs/ that the product prints, printed again and put into its place; with names,
 * only those. docs/paper is `npm run paper`'s. What needs a model that is not on this machine stays as it is, and is named.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { withCertified } from "./certified.ts";
import { withFindings, withResultRow } from "./experiments.ts";
import { withBlock } from "./page.ts";
import { pictureAgain } from "./pictures.ts";
import { type Product, REAL, startProduct } from "./product.ts";
import { streamBlock } from "./stream.ts";

interface Part {
  readonly name: string;
  readonly file: string;
  /** Of the real model, beside the shipped one. */
  readonly real?: true;
  readonly make: (product: Product, page: string) => string | Promise<string>;
}

const PARTS: readonly Part[] = [
  {
    name: "stream",
    file: "README.md",
    real: true,
    make: async (product, page) => withBlock(page, "stream", await streamBlock(product, page)),
  },
  { name: "demo", file: "docs/demo.svg", make: pictureAgain },
  { name: "sweep", file: "docs/sweep.svg", real: true, make: pictureAgain },
  { name: "result-row", file: "docs/experiments.md", make: withResultRow },
  {
    name: "findings",
    file: "docs/experiments.md",
    make: (product, page) => withFindings(product, page, (kind) => console.log(`    ${kind}`)),
  },
  { name: "certified", file: "docs/certify.md", real: true, make: withCertified },
];

const named = process.argv.slice(2);
const unknown = named.find((name) => !PARTS.some((part) => part.name === name));
if (unknown !== undefined) {
  console.error(`${unknown} is no part of the docs. Parts: ${PARTS.map(({ name }) => name).join(", ")}.`);
  process.exit(2);
}

const product = await startProduct();
try {
  for (const { name, file, real, make } of PARTS) {
    if (named.length > 0 && !named.includes(name)) continue;
    if (real && product.missing.includes(REAL)) {
      console.log(`–   ${file}, ${name}: stays as it is; ${REAL} is not here (scripts/real-model/build.sh)`);
      continue;
    }
    const before = readFileSync(file, "utf8");
    const after = await make(product, before);
    if (after !== before) writeFileSync(file, after);
    console.log(`${after === before ? "=" : "✓"}   ${file}, ${name}`);
  }
} finally {
  await product.stop();
}
