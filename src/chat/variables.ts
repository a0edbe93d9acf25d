/** Which names a template takes from outside: those that it reads and has not set itself by then. */
import { boundNames, childrenOf, isNode, listOf, type Node, nameOf } from "./nodes.ts";

/** Names read before they are set, sorted. A name that only one branch of an `if` sets counts as not set after it. */
export function freeVariables(program: Node): string[] {
  const finder = new Finder();
  finder.block(listOf(program.body), new Set());
  finder.macros();
  return [...finder.free].sort();
}

class Finder {
  readonly free = new Set<string>();
  /** Bodies of macros run when they are called: what the template sets at its top may be set by then. */
  readonly #later: { readonly body: readonly Node[]; readonly bound: Set<string> }[] = [];
  #outermost: Set<string> | null = null;

  /** Reads a list of statements in order; `bound` grows by what they set. */
  block(statements: readonly Node[], bound: Set<string>): void {
    this.#outermost ??= bound;
    for (const statement of statements) this.#statement(statement, bound);
  }

  macros(): void {
    for (let next = this.#later.shift(); next; next = this.#later.shift())
      this.block(next.body, new Set([...(this.#outermost ?? []), ...next.bound]));
  }

  #statement(node: Node, bound: Set<string>): void {
    switch (node.type) {
      case "Set":
        if (isNode(node.value)) this.#expression(node.value, bound);
        this.block(listOf(node.body), new Set(bound));
        if (boundNames(node.assignee).length === 0) this.#expression(node.assignee, bound);
        for (const name of boundNames(node.assignee)) bound.add(name);
        return;
      case "If":
        this.#branches(node, bound);
        return;
      case "For": {
        const within = new Set([...bound, ...boundNames(node.loopvar), "loop"]);
        const chosen = isNode(node.iterable) && node.iterable.type === "SelectExpression" ? node.iterable : null;
        this.#expression(chosen ? chosen.lhs : node.iterable, bound);
        if (chosen) this.#expression(chosen.test, within);
        this.block(listOf(node.body), within);
        this.block(listOf(node.defaultBlock), new Set(bound));
        return;
      }
      case "Macro":
        bound.add(nameOf(node.name) ?? "");
        this.#macro(node.args, listOf(node.body), bound, ["caller", "varargs", "kwargs"]);
        return;
      case "CallStatement":
        this.#expression(node.call, bound);
        this.#macro(node.callerArgs, listOf(node.body), bound, []);
        return;
      case "FilterStatement":
        this.#filter(node.filter, bound);
        this.block(listOf(node.body), new Set(bound));
        return;
      default:
        this.#expression(node, bound);
        return;
    }
  }

  /** After an `if`, what both of its branches set is set. */
  #branches(node: Node, bound: Set<string>): void {
    this.#expression(node.test, bound);
    const [yes, no] = [new Set(bound), new Set(bound)];
    this.block(listOf(node.body), yes);
    this.block(listOf(node.alternate), no);
    for (const name of yes) if (no.has(name)) bound.add(name);
  }

  #macro(parameters: unknown, body: readonly Node[], bound: Set<string>, own: readonly string[]): void {
    const names = listOf(parameters).map((parameter) => nameOf(parameter) ?? nameOf(parameter.key) ?? "");
    for (const parameter of listOf(parameters)) if (nameOf(parameter) === null) this.#expression(parameter.value, bound);
    this.#later.push({ body, bound: new Set([...bound, ...names, ...own]) });
  }

  #expression(node: unknown, bound: Set<string>): void {
    if (!isNode(node)) return;
    const name = nameOf(node);
    if (name !== null) {
      if (!bound.has(name)) this.free.add(name);
      return;
    }
    switch (node.type) {
      case "MemberExpression":
        this.#expression(node.object, bound);
        if (node.computed === true) this.#expression(node.property, bound);
        return;
      case "FilterExpression":
        this.#expression(node.operand, bound);
        this.#filter(node.filter, bound);
        return;
      case "TestExpression":
        this.#expression(node.operand, bound);
        return;
      case "KeywordArgumentExpression":
        this.#expression(node.value, bound);
        return;
      default:
        for (const child of childrenOf(node)) this.#expression(child, bound);
    }
  }

  /** A filter's name is none of a variable. */
  #filter(filter: unknown, bound: Set<string>): void {
    if (isNode(filter) && filter.type === "CallExpression") for (const part of listOf(filter.args)) this.#expression(part, bound);
  }
}
