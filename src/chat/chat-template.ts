/** A model's chat template: messages in, the text that its prompt is. */
import { Budget, BudgetExceeded, MAX_RANGE } from "./budget.ts";
import { BoundedInterpreter } from "./interpreter.ts";
import { Environment, parseTemplate } from "./jinja.ts";
import type { Node } from "./nodes.ts";
import { strftime } from "./python.ts";
import { shapeOf, type TemplateShape } from "./shape.ts";
import { MAX_TEMPLATE_CHARS, type TemplateSource } from "./source.ts";
import { freeVariables } from "./variables.ts";

/** A message as a request has it: a role, mostly a content, and whatever else the template knows. */
export type Message = Readonly<Record<string, unknown>>;

export interface ChatInput {
  readonly messages: readonly Message[];
  readonly addGenerationPrompt: boolean;
  /** What the template takes beside: `enable_thinking`, `tools` and the like. */
  readonly args: Readonly<Record<string, unknown>>;
}

/** Why a chat could not be rendered. `arguments`: names that the template does not take. */
export class ChatTemplateError extends Error {
  readonly reason: "missing" | "unusable" | "arguments" | "refused" | "failed" | "too much";

  constructor(reason: ChatTemplateError["reason"], message: string) {
    super(message);
    this.reason = reason;
  }
}

/** Names that templates have without being given them: Jinja's own, and transformers'. */
const GLOBALS = [
  "raise_exception",
  "strftime_now",
  "namespace",
  "range",
  "dict",
  "true",
  "false",
  "none",
  "True",
  "False",
  "None",
];
/** Always given. */
const GIVEN = ["messages", "add_generation_prompt"];
/** Given as None where a request says nothing: transformers does. */
const OPTIONAL = ["tools", "documents"];
/** Where a message's reasoning stands; the first is what templates read. */
const REASONING = ["reasoning_content", "thinking", "reasoning"];

interface Parsed {
  readonly program: Node;
  readonly shape: TemplateShape;
  readonly free: readonly string[];
}

export class ChatTemplate {
  readonly #sources: readonly TemplateSource[];
  readonly #special: Readonly<Record<string, string>>;
  readonly #now: () => Date;
  readonly #parsed = new Map<string, Parsed | ChatTemplateError>();

  /** `special`: special tokens by name. `now`: what `strftime_now` tells. */
  constructor(sources: readonly TemplateSource[], special: Readonly<Record<string, string>>, now = () => new Date()) {
    this.#sources = sources;
    this.#special = special;
    this.#now = now;
  }

  /** Whether there is one at all. */
  get exists(): boolean {
    return this.#sources.length > 0;
  }

  /** The file that the usual template stands in; null: there is none. */
  get file(): string | null {
    return (this.#sources.find(({ name }) => name === "default") ?? this.#sources[0])?.file ?? null;
  }

  /** What it takes beside messages, sorted. Throws `ChatTemplateError` where it cannot be read. */
  arguments(): readonly string[] {
    const own = new Set([...GLOBALS, ...GIVEN, ...Object.keys(this.#special)]);
    const free = this.#sources
      .filter(({ name }) => name === "default" || name === "tool_use")
      .flatMap((source) => this.#parse(source).free);
    return [...new Set(free)].filter((name) => !own.has(name) && !name.endsWith("_token")).sort();
  }

  /** The text of a chat. Throws `ChatTemplateError`. */
  render({ messages, addGenerationPrompt, args }: ChatInput): string {
    const source = this.#choose(args);
    const { program, shape } = this.#parse(source);
    const taken = this.arguments();
    const unknown = Object.keys(args).filter((name) => !taken.includes(name));
    if (unknown.length > 0)
      throw new ChatTemplateError(
        "arguments",
        `does not take ${unknown.map((name) => JSON.stringify(name)).join(", ")}; it takes ${taken.length === 0 ? "none" : taken.join(", ")}`,
      );
    const given = Object.fromEntries(OPTIONAL.map((name) => [name, null]));
    return this.#run(program, shape, {
      ...given,
      ...this.#special,
      ...args,
      messages: messages.map(asTransformersGives),
      add_generation_prompt: addGenerationPrompt,
    });
  }

  /** With tools the template for their use where there is one; else the default. */
  #choose(args: ChatInput["args"]): TemplateSource {
    const named = (name: string) => this.#sources.find((source) => source.name === name);
    const source = ((args.tools ?? null) !== null ? named("tool_use") : undefined) ?? named("default");
    if (source) return source;
    const names = this.#sources.map(({ name }) => name).join(", ");
    if (!this.exists)
      throw new ChatTemplateError("missing", "none in chat_template.jinja, chat_templates or tokenizer_config.json");
    throw new ChatTemplateError("missing", `there is none named default; there are ${names}`);
  }

  #parse({ name, file, text }: TemplateSource): Parsed {
    const known = this.#parsed.get(name) ?? parsedOrNot(file, text);
    this.#parsed.set(name, known);
    if (known instanceof ChatTemplateError) throw known;
    return known;
  }

  #run(program: Node, shape: TemplateShape, given: Readonly<Record<string, unknown>>): string {
    const budget = new Budget();
    const scope = new Environment();
    let raised: string | null = null;
    const globals = {
      ...{ true: true, false: false, none: null, True: true, False: false, None: null, range: boundedRange },
      strftime_now: (format: unknown) => strftime(this.#now(), String(format)),
      raise_exception: (message: unknown) => {
        raised = String(message);
        throw new Error(raised);
      },
    };
    try {
      for (const [name, value] of Object.entries({ ...globals, ...given })) if (name !== "namespace") scope.set(name, value);
      return String(new BoundedInterpreter(scope, shape, budget).evaluate(program, scope).value);
    } catch (error) {
      if (raised !== null) throw new ChatTemplateError("refused", raised);
      if (error instanceof BudgetExceeded) throw new ChatTemplateError("too much", error.message);
      throw new ChatTemplateError("failed", messageOf(error));
    }
  }
}

/** A template, or why it is none. */
function parsedOrNot(file: string, text: string): Parsed | ChatTemplateError {
  if (text.length > MAX_TEMPLATE_CHARS)
    return new ChatTemplateError("unusable", `${file} has more than the ${MAX_TEMPLATE_CHARS} characters allowed`);
  try {
    const program = parseTemplate(text);
    return { program, shape: shapeOf(program), free: freeVariables(program) };
  } catch (error) {
    return new ChatTemplateError("unusable", `${file} does not parse: ${messageOf(error)}`);
  }
}

/** As transformers gives messages to templates: nothing that is null, and reasoning under all of its names. */
function asTransformersGives(message: Message): Message {
  const there = Object.fromEntries(Object.entries(message).filter(([, value]) => value !== null));
  const name = REASONING.find((field) => there[field] !== undefined);
  return name === undefined ? there : { thinking: there[name], ...there, reasoning_content: there[name] };
}

function boundedRange(...bounds: unknown[]): number[] {
  const numbers = bounds.filter((bound) => typeof bound === "number" && Number.isInteger(bound)) as number[];
  if (numbers.length !== bounds.length || bounds.length === 0 || bounds.length > 3)
    throw new TypeError("range takes 1 to 3 whole numbers");
  const [start, stop] = numbers.length === 1 ? [0, numbers[0] as number] : (numbers as [number, number]);
  const step = numbers[2] ?? 1;
  if (step === 0) throw new TypeError("range goes by steps of 0");
  const count = Math.max(0, Math.ceil((stop - start) / step));
  if (count > MAX_RANGE) throw new BudgetExceeded(`goes through a range of ${count} numbers, more than the ${MAX_RANGE} allowed`);
  return Array.from({ length: count }, (_, i) => start + i * step);
}

/** What went wrong, for people. The stack is used up by a template that calls itself without end. */
function messageOf(error: unknown): string {
  if (error instanceof RangeError && /call stack/i.test(error.message)) return "it calls itself, or nests, too deeply";
  const message = error instanceof Error ? error.message : String(error);
  return message === "" ? "break or continue stands outside of a loop" : message;
}
