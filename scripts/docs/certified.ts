/** docs/certify.md: how near the trained models are to their references. */
import { join } from "node:path";
import { withBlock } from "./page.ts";
import { type Product, REAL, SHIPPED } from "./product.ts";

interface Certificate {
  readonly verdict: string;
  readonly checks: readonly {
    readonly group: string;
    readonly name: string;
    readonly error: number | null;
    readonly worst: string | null;
  }[];
}

/** The largest error of a reference's rows, and which row it is. */
interface Largest {
  readonly name: string;
  readonly error: number;
}

/** The page with the errors of both models. */
export function withCertified(product: Product, page: string): string {
  const said = [SHIPPED, REAL].map((model) => {
    const folder = product.folderOf(model);
    const args = ["certify", folder, "--reference", join(folder, "reference.safetensors"), "--json"];
    return certifiedInWords(model, JSON.parse(product.command(args, true)) as Certificate);
  });
  return withBlock(page, "certified", `Trained models against their references: ${said.join("; ")}.`);
}

/** `prose-6m` passes: at most 2.1e-6, which is of resid_final; of the untouched model’s logits 1.1e-6. */
export function certifiedInWords(model: string, { verdict, checks }: Certificate): string {
  const rows = checks.flatMap(({ group, name, error }): Largest[] =>
    group === "reference" && error !== null ? [{ name, error }] : [],
  );
  const [largest] = [...rows].sort((a, b) => b.error - a.error);
  if (!largest) throw new Error(`the certificate of ${model} has no rows of a reference`);
  const logits = rows.find(({ name }) => name === "logits");
  const untouched = logits && logits !== largest ? `, of the untouched model’s logits ${logits.error.toExponential(1)}` : "";
  return `\`${model}\` ${verdict}, with ${largest.error.toExponential(1)} at most, of \`${largest.name}\`${untouched}`;
}
