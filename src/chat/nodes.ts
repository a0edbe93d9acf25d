/** Templates as `@huggingface/jinja` parses them, and values as it holds them, by the fields that are looked at here. */
/** Any node of a parsed template. */
export interface Node {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** What an expression came to: `type` is `StringValue`, `ArrayValue` and so on, `value` what JavaScript has for it. */
export interface Value {
  readonly type: string;
  readonly value: unknown;
}

/** Statements write nothing themselves; what else stands in a body is printed. */
const STATEMENTS = new Set(["Set", "If", "For", "Macro", "CallStatement", "FilterStatement", "Break", "Continue", "Comment"]);

export function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && typeof (value as { type?: unknown }).type === "string";
}

export function isStatement(node: Node): boolean {
  return STATEMENTS.has(node.type);
}

/** The nodes right below one, in the order of its fields; keys of objects stand before their values. */
export function childrenOf(node: Node): Node[] {
  // An operator is a word of the syntax, and looks like a name.
  return Object.entries(node).flatMap(([field, value]) => (field === "operator" ? [] : nodesIn(value)));
}

/** Nodes among the items of a list. */
export function listOf(value: unknown): readonly Node[] {
  return Array.isArray(value) ? value.filter(isNode) : [];
}

function nodesIn(value: unknown): Node[] {
  if (Array.isArray(value)) return value.flatMap(nodesIn);
  if (value instanceof Map) return [...value].flatMap(nodesIn);
  return isNode(value) ? [value] : [];
}

/** The name of an identifier, else null. */
export function nameOf(node: unknown): string | null {
  return isNode(node) && node.type === "Identifier" ? String(node.value) : null;
}

/** Names that a target of `set` or `for` binds: one, or those of a tuple. */
export function boundNames(target: unknown): string[] {
  const name = nameOf(target);
  if (name !== null) return [name];
  return isNode(target) && target.type === "TupleLiteral" ? listOf(target.value).flatMap(boundNames) : [];
}
