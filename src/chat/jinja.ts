/** What is used of `@huggingface/jinja`, whose own declarations cannot be resolved from an ES module. */
import * as library from "@huggingface/jinja";
import type { Node, Value } from "./nodes.ts";

/** Names and their values; looked up through the scopes around it. */
export interface Scope {
  readonly variables: Map<string, Value>;
  readonly parent?: Scope;
  /** Declares a name with a JavaScript value, functions included. Throws for one that is there. */
  set(name: string, value: unknown): Value;
}

interface Library {
  readonly Environment: new (parent?: Scope) => Scope;
  readonly Interpreter: new (scope: Scope) => { readonly global: Scope; evaluate(node: Node | undefined, scope: Scope): Value };
  readonly parse: (tokens: unknown) => Node;
  readonly tokenize: (template: string, options: { readonly lstrip_blocks: boolean; readonly trim_blocks: boolean }) => unknown;
}

const { Environment, Interpreter, parse, tokenize } = library as unknown as Library;

export { Environment, Interpreter };

/** Reads a template as transformers has Jinja read it: blocks take the line that they stand on. Throws where it does not parse. */
export function parseTemplate(text: string): Node {
  return parse(tokenize(text, { lstrip_blocks: true, trim_blocks: true }));
}
