/**
 * The interpreter of `@huggingface/jinja`, held to a budget and to what Python's Jinja does where the two differ: how
 * values are printed and compared, what methods of strings take, and that names set in a loop's body are gone with its turn.
 */
import { type Budget, BudgetExceeded } from "./budget.ts";
import { Interpreter, type Scope } from "./jinja.ts";
import { isNode, listOf, type Node, nameOf, type Value } from "./nodes.ts";
import { equal, isNumber, printed, type StripName, strip } from "./python.ts";
import type { TemplateShape } from "./shape.ts";

/** Names of every scope that belong to it and not to a turn of a loop. */
const OF_SCOPE: ReadonlySet<string> = new Set(["loop", "namespace"]);
/** Filters that write more than they read. */
const GROWING: ReadonlySet<string> = new Set(["replace", "join", "indent", "tojson"]);
/** Filters that take whatever they get as a text. */
const OF_TEXT: ReadonlySet<string> = new Set(["trim", "upper", "lower", "title", "capitalize", "replace", "indent"]);
/** Filters that do not look at what a list holds. */
const AT_ONCE: ReadonlySet<string> = new Set(["length", "first", "last", "default", "list"]);
const STRIPS: ReadonlySet<string> = new Set(["strip", "lstrip", "rstrip"]);
/** Spaces of a level that `tojson` and `indent` take. */
const MAX_INDENT = 64;
/** What a filter or a method costs beside what it reads. */
const STEPS_OF_A_CALL = 12;
/** Characters that a slice of a text takes apart in the time of a step. */
const SLICED_A_STEP = 2;

export class BoundedInterpreter extends Interpreter {
  readonly #budget: Budget;
  readonly #shape: TemplateShape;
  /** Nodes made here in place of others: what stands for a value, and methods about to be called. */
  readonly #values = new WeakMap<object, Value>();
  readonly #callees = new WeakSet<object>();

  constructor(scope: Scope, shape: TemplateShape, budget: Budget) {
    super(scope);
    this.#shape = shape;
    this.#budget = budget;
  }

  override evaluate(node: Node | undefined, scope: Scope): Value {
    if (!node) return super.evaluate(node, scope);
    const known = this.#values.get(node);
    if (known) return known;
    const kept = this.#shape.turns.get(node);
    if (kept) for (const name of scope.variables.keys()) if (!kept.has(name) && !OF_SCOPE.has(name)) scope.variables.delete(name);
    const value = this.#budget.within(() => this.#special(node, scope) ?? super.evaluate(node, scope));
    this.#budget.see(value);
    if (this.#shape.walked.has(node)) return this.#walked(value);
    if (this.#shape.printed.has(node) && value.type !== "StringValue") return this.#text(printed(value));
    return value;
  }

  /** null: the library's own way will do. */
  #special(node: Node, scope: Scope): Value | null {
    switch (node.type) {
      case "Identifier":
        return this.#lookup(String(node.value), scope);
      case "BinaryExpression":
        return this.#binary(node, scope);
      case "FilterExpression":
        return this.#filter(node, this.#filterOf(node), () => this.#evaluate(node.operand, scope), scope);
      case "FilterStatement":
        return this.#filter(node, this.#filterOf(node), () => this.#evaluate({ type: "Program", body: node.body }, scope), scope);
      case "CallExpression":
        return isNode(node.callee) && node.callee.type === "MemberExpression" ? this.#method(node, node.callee, scope) : null;
      case "MemberExpression":
        return this.#member(node, scope);
      case "TestExpression":
        return nameOf(node.test) === "iterable" ? this.#iterable(node, scope) : null;
      default:
        return null;
    }
  }

  /** The library's own way costs a stack trace for every name that is not there. */
  #lookup(name: string, scope: Scope): Value {
    for (let at: Scope | undefined = scope; at; at = at.parent) {
      const value = at.variables.get(name);
      if (value) return value;
    }
    return super.evaluate(undefined, scope);
  }

  #binary(node: Node, scope: Scope): Value | null {
    const operator = (node.operator as { readonly value: string }).value;
    if (operator === "and" || operator === "or") return null;
    const [left, right] = [this.#evaluate(node.left, scope), this.#evaluate(node.right, scope)];
    if (operator !== "+") for (const value of [left, right]) if (Array.isArray(value.value)) this.#budget.walk(value);
    if (operator === "~") return this.#joined(printed(left), printed(right));
    if (operator === "==" || operator === "!=") return this.#boolean(equal(left, right) === (operator === "=="));
    if (operator === "*" && (left.type === "StringValue" || right.type === "StringValue")) return this.#repeated(left, right);
    if (operator === "%" && isNumber(left) && isNumber(right)) return this.#remainder(left, right);
    if (operator === "+" && (left.type === "StringValue") !== (right.type === "StringValue"))
      throw new TypeError(`a ${kind(left)} and a ${kind(right)} cannot be added`);
    return super.evaluate({ ...node, left: this.#constant(left), right: this.#constant(right) }, scope);
  }

  /** Its sign is the divisor's. */
  #remainder(left: Value, right: Value): Value {
    const [a, b] = [Number(left.value), Number(right.value)];
    if (b === 0) throw new TypeError("nothing is divided by 0");
    const isFloat = left.type === "FloatValue" || right.type === "FloatValue";
    return super.evaluate({ type: isFloat ? "FloatLiteral" : "IntegerLiteral", value: a - Math.floor(a / b) * b }, this.global);
  }

  #repeated(left: Value, right: Value): Value {
    const [text, times] = left.type === "StringValue" ? [left, right] : [right, left];
    if (times.type !== "IntegerValue") throw new TypeError(`a ${kind(left)} and a ${kind(right)} cannot be multiplied`);
    const count = Math.max(0, Number(times.value));
    this.#budget.write(String(text.value).length * count);
    return this.#text(String(text.value).repeat(count));
  }

  #joined(left: string, right: string): Value {
    this.#budget.write(left.length + right.length);
    return this.#text(left + right);
  }

  #filterOf({ filter }: Node): { readonly name: string; readonly args: readonly Node[] } {
    if (!isNode(filter)) return { name: "", args: [] };
    return { name: nameOf(filter) ?? nameOf(filter.callee) ?? "", args: listOf(filter.args) };
  }

  /** `of`: evaluates what is filtered. */
  #filter(
    node: Node,
    { name, args }: { readonly name: string; readonly args: readonly Node[] },
    of: () => Value,
    scope: Scope,
  ): Value {
    const given = of();
    this.#budget.spend(STEPS_OF_A_CALL);
    if (!AT_ONCE.has(name)) this.#budget.walk(given);
    const operand = OF_TEXT.has(name) ? this.#printed(given) : name === "join" ? this.#printedItems(given) : given;
    if (name === "capitalize") return this.#text(capitalized(String(operand.value)));
    if (name === "trim") return this.#strip("strip", operand, args, scope);
    if (name === "string") return this.#joined(printed(operand), "");
    const filter = GROWING.has(name) && args.length > 0 ? this.#bounded(name, operand, node.filter as Node, scope) : node.filter;
    return super.evaluate({ type: "FilterExpression", operand: this.#constant(operand), filter }, scope);
  }

  /** A filter with its arguments evaluated, once it is sure that it writes no more than it may. */
  #bounded(name: string, operand: Value, filter: Node, scope: Scope): Node {
    const args = listOf(filter.args).map((arg) => this.#argument(name, arg, scope));
    const text = (at: number, key: string): string | null => {
      const found = args.find((arg) => arg.key === key) ?? args.filter((arg) => arg.key === null)[at];
      return found ? printed(found.value) : null;
    };
    if (name === "replace") this.#checkReplace(operand, text(0, "old") ?? "", text(1, "new") ?? "");
    if (name === "join" && (Array.isArray(operand.value) || typeof operand.value === "string"))
      this.#budget.write(operand.value.length * (text(0, "d") ?? text(0, "separator") ?? "").length);
    const indent = name === "indent" ? text(0, "width") : name === "tojson" ? text(1, "indent") : null;
    if (Number(indent) > MAX_INDENT) throw new BudgetExceeded(`indents by more than the ${MAX_INDENT} spaces allowed`);
    return { ...filter, args: args.map((arg) => arg.node) };
  }

  #argument(name: string, arg: Node, scope: Scope): { readonly key: string | null; readonly value: Value; readonly node: Node } {
    if (arg.type === "SpreadExpression" || arg.type === "KeywordSpreadExpression")
      throw new TypeError(`${name} takes its arguments one by one, not as a list or an object`);
    const isNamed = arg.type === "KeywordArgumentExpression";
    const value = this.#evaluate(isNamed ? arg.value : arg, scope);
    const node = this.#constant(value);
    return isNamed ? { key: nameOf(arg.key), value, node: { ...arg, value: node } } : { key: null, value, node };
  }

  #checkReplace(operand: Value, old: string, text: string): void {
    const whole = printed(operand);
    const count = old === "" ? whole.length + 1 : whole.split(old).length - 1;
    this.#budget.write(whole.length + count * (text.length - old.length));
  }

  /** `object.name(…)`. */
  #method(node: Node, callee: Node, scope: Scope): Value {
    const object = this.#evaluate(callee.object, scope);
    this.#budget.spend(STEPS_OF_A_CALL);
    const name = callee.computed === true ? null : nameOf(callee.property);
    const args = listOf(node.args);
    if (object.type === "StringValue" && name !== null) {
      if (STRIPS.has(name)) return this.#strip(name as StripName, object, args, scope);
      if (name === "capitalize") return this.#text(capitalized(String(object.value)));
      if (name === "replace") {
        const filter = { type: "CallExpression", callee: callee.property, args: node.args };
        return this.#filter({ type: "FilterExpression", filter }, { name, args }, () => object, scope);
      }
    }
    const method = { ...callee, object: this.#constant(object) };
    this.#callees.add(method);
    return super.evaluate({ ...node, callee: method }, scope);
  }

  /** Methods are called where they are named: then it is known on what. */
  #member(node: Node, scope: Scope): Value {
    const object = this.#evaluate(node.object, scope);
    if (object.type === "UndefinedValue") throw new TypeError(`${pathOf(node.object)} is not defined`);
    if (isNode(node.property) && node.property.type === "SliceExpression" && typeof object.value === "string")
      this.#budget.spend(Math.floor(object.value.length / SLICED_A_STEP));
    const value = super.evaluate({ ...node, object: this.#constant(object) }, scope);
    if (value.type !== "FunctionValue") return value;
    if (node.computed === true || !this.#callees.has(node)) throw new TypeError("a method can only be called where it is named");
    return value;
  }

  #strip(name: StripName, text: Value, args: readonly Node[], scope: Scope): Value {
    const [characters] = args.map((arg) => this.#argument(name, arg, scope).value);
    const given = characters === undefined || characters.type === "NullValue" ? null : printed(characters);
    return this.#text(strip(String(text.value), name, given));
  }

  #iterable(node: Node, scope: Scope): Value {
    const { type } = this.#evaluate(node.operand, scope);
    const holds = ["ArrayValue", "TupleValue", "StringValue", "ObjectValue", "UndefinedValue"].includes(type);
    return this.#boolean(holds !== (node.negate === true));
  }

  #printed(value: Value): Value {
    return value.type === "StringValue" ? value : this.#text(printed(value));
  }

  #printedItems(value: Value): Value {
    return Array.isArray(value.value) ? this.#list(value.value.map((item: Value) => this.#printed(item))) : value;
  }

  #list(items: readonly Value[]): Value {
    return super.evaluate({ type: "ArrayLiteral", value: items.map((item) => this.#constant(item)) }, this.global);
  }

  /** What a loop goes through: characters of a text, and nothing of what is not defined. */
  #walked(value: Value): Value {
    const items = value.type === "StringValue" ? Array.from(String(value.value)) : [];
    this.#budget.walk({ type: "", value: items });
    this.#budget.walk(value);
    if (value.type !== "StringValue" && value.type !== "UndefinedValue") return value;
    return this.#list(items.map((item) => this.#text(item)));
  }

  #evaluate(node: unknown, scope: Scope): Value {
    return this.evaluate(node as Node, scope);
  }

  #constant(value: Value): Node {
    const node = { type: "Constant" };
    this.#values.set(node, value);
    return node;
  }

  #text(value: string): Value {
    return super.evaluate({ type: "StringLiteral", value }, this.global);
  }

  #boolean(holds: boolean): Value {
    return this.#lookup(holds ? "true" : "false", this.global);
  }
}

/** `str.capitalize()`: the first letter great, all others small. */
function capitalized(text: string): string {
  const [first = "", ...rest] = text;
  return first.toUpperCase() + rest.join("").toLowerCase();
}

/** An expression for people: names and fields, as far as it is made of them. */
function pathOf(node: unknown): string {
  if (!isNode(node)) return "what is looked into";
  if (node.type !== "MemberExpression") return nameOf(node) ?? "what is looked into";
  const field = nameOf(node.property) ?? (isNode(node.property) ? JSON.stringify(node.property.value ?? "…") : "");
  return node.computed === true ? `${pathOf(node.object)}[${field}]` : `${pathOf(node.object)}.${field}`;
}

function kind({ type }: Value): string {
  return type.replace(/Value$/, "").toLowerCase();
}
