import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { MAX_CHARS, MAX_DEPTH, MAX_RANGE, MAX_STEPS } from "../../src/chat/budget.ts";
import { ChatTemplate, type Message } from "../../src/chat/chat-template.ts";
import { MAX_TEMPLATE_CHARS } from "../../src/chat/source.ts";

const CHAT: readonly Message[] = [
  { role: "system", content: " Be brief. " },
  { role: "user", content: "it's <b>" },
];

function template(
  text: string,
  special: Readonly<Record<string, string>> = {},
  now = () => new Date(2026, 0, 5, 7, 4, 9),
): ChatTemplate {
  return new ChatTemplate([{ name: "default", file: "chat_template.jinja", text }], special, now);
}

function render(text: string, args: Readonly<Record<string, unknown>> = {}, messages = CHAT): string {
  return template(text, { bos_token: "<s>" }).render({ messages, addGenerationPrompt: true, args });
}

interface Case {
  readonly template: string;
  readonly messages: readonly Message[];
  readonly arguments: Readonly<Record<string, unknown>>;
  /** null: it fails. */
  readonly text: string | null;
}
const { cases } = JSON.parse(readFileSync(join(import.meta.dirname, "../fixtures/chat-templates.json"), "utf8")) as {
  cases: Case[];
};

describe("A template writes what it does with transformers", () => {
  test.each(cases)("$template", ({ template, messages, arguments: args, text }) => {
    if (text === null) expect(() => render(template, args, messages)).toThrow();
    else expect(render(template, args, messages)).toBe(text);
  });

  test("the date and the time are the machine's, in English", () => {
    expect(
      template("{{ strftime_now('%d %b %Y, %H:%M:%S %A %I %p %y %B %j %%') }}").render({
        messages: CHAT,
        addGenerationPrompt: true,
        args: {},
      }),
    ).toBe("05 Jan 2026, 07:04:09 Monday 07 AM 26 January %j %");
  });
});

describe("Arguments", () => {
  const thinking =
    "{% if not enable_thinking is defined %}{% set enable_thinking = true %}{% endif %}{% set x = 1 %}{{ x }}{{ bos_token }}" +
    "{% if custom is defined %}{% set tools = custom %}{% endif %}{% for t in tools or [] %}{{ t.name }}{{ loop.index }}{% endfor %}" +
    "{% macro f(a) %}{{ a }}{{ later }}{{ own }}{% endmacro %}{% set later = 'l' %}{{ f(enable_thinking) }}";

  test("are the names that a template reads before it sets them", () => {
    expect(template(thinking, { bos_token: "<s>" }).arguments()).toEqual(["custom", "enable_thinking", "own", "tools"]);
    expect(template("{{ messages }}{{ eos_token }}{{ range(2) }}{{ namespace() }}{{ raise_exception }}").arguments()).toEqual([]);
    expect(
      template("{% if a %}{% set b = 1 %}{% else %}{% set b = 2 %}{% endif %}{{ b }}{{ x.y[z] | default(w) }}").arguments(),
    ).toEqual(["a", "w", "x", "z"]);
  });

  test("are given to it", () => {
    expect(render(thinking, { enable_thinking: false, tools: [{ name: "t" }] })).toBe("1<s>t1FalselFalse".replace("lFalse", "l"));
  });

  test("that it does not take are refused by name", () => {
    expect(() => render(thinking, { thinking: true, n: 1 })).toThrow(
      'does not take "thinking", "n"; it takes custom, enable_thinking, own, tools',
    );
    expect(() => render("{{ messages }}", { messages: [] })).toThrow('does not take "messages"; it takes none');
  });

  test("tools choose the template for their use, where there is one", () => {
    const [usual, tools] = ["usual{{ tools }}", "tools{{ tools | length }}"];
    const both = new ChatTemplate(
      [
        { name: "default", file: "a", text: usual },
        { name: "tool_use", file: "b", text: tools },
      ],
      {},
    );
    const chat = { messages: CHAT, addGenerationPrompt: true };
    expect(both.render({ ...chat, args: {} })).toBe("usualNone");
    expect(both.render({ ...chat, args: { tools: [1, 2] } })).toBe("tools2");
    const named = new ChatTemplate([{ name: "rag", file: "c", text: "" }], {});
    expect(() => named.render({ ...chat, args: {} })).toThrow("there is none named default; there are rag");
    expect(() => new ChatTemplate([], {}).render({ ...chat, args: {} })).toThrow(
      "none in chat_template.jinja, chat_templates or tokenizer_config.json",
    );
  });
});

describe("What a template cannot do", () => {
  test.each([
    ["refuse without its words", "{{ raise_exception('Only ' ~ messages[0].role) }}", "refused", "Only system"],
    ["look into what is not there", "{{ messages[0].a.b }}", "failed", "messages[0].a is not defined"],
    ["add what cannot be added", "{{ 'a' + 1 }}", "failed", "a string and a integer cannot be added"],
    ["stay open", "{{ 'a", "unusable", "chat_template.jinja does not parse: Unexpected end of input"],
    ["end what did not begin", "{% endif %}", "unusable", "chat_template.jinja does not parse: Unknown statement type: endif"],
    ["break out of nothing", "{% break %}", "failed", "break or continue stands outside of a loop"],
    [
      "keep a method for later",
      "{% set f = 'a'.replace %}{{ f('a', 'b') }}",
      "failed",
      "a method can only be called where it is named",
    ],
    [
      "call a method by a name that it makes",
      "{{ 'a'['replace']('a', 'b') }}",
      "failed",
      "a method can only be called where it is named",
    ],
    [
      "be as long as it likes",
      " ".repeat(MAX_TEMPLATE_CHARS + 1),
      "unusable",
      `chat_template.jinja has more than the ${MAX_TEMPLATE_CHARS} characters allowed`,
    ],
  ])("%s", (_, text, reason, message) => {
    expect(() => render(text)).toThrow(expect.objectContaining({ reason, message }));
  });

  const steps = `takes more than the ${MAX_STEPS} steps allowed`;
  const chars = `writes more than the ${MAX_CHARS} characters allowed`;
  const big = "{% set ns = namespace(v=messages[0].content) %}";
  test.each([
    ["{% for i in range(10**9) %}{% endfor %}", `goes through a range of 1000000000 numbers, more than the ${MAX_RANGE} allowed`],
    ["{% for i in range(65536) %}{% for j in range(65536) %}{% endfor %}{% endfor %}", steps],
    ["{% for i in range(65536) %}{% set x = messages[0].content | upper %}{% endfor %}", steps],
    ["{% for i in range(65536) %}{{ 'zz' in messages[0].content }}{% endfor %}", steps],
    ["{% macro f(n) %}{% if n > 0 %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}", steps],
    ["{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", `nests or calls itself deeper than the ${MAX_DEPTH} levels allowed`],
    [`${big}{% for i in range(60) %}{% set ns.v = ns.v ~ ns.v %}{% endfor %}`, chars],
    [`${big}{% for i in range(60) %}{% set ns.v = [ns.v, ns.v] %}{% endfor %}{{ ns.v | tojson }}`, chars],
    ["{{ messages[0].content | replace('x', messages[0].content) }}", chars],
    ["{{ messages[0].content.replace('x', messages[0].content) }}", chars],
    ["{{ range(60000) | join(messages[0].content) }}", chars],
    ["{{ 'x' * 10**9 }}", chars],
    ["{{ 'a\nb' | indent(10**8) }}", "indents by more than the 64 spaces allowed"],
    ["{{ [1] | tojson(indent=10**8) }}", "indents by more than the 64 spaces allowed"],
  ])("go on for ever, or write without end: %s", (text, message) => {
    const messages = [{ role: "user", content: "x".repeat(100_000) }];
    expect(() => render(text, {}, messages)).toThrow(expect.objectContaining({ reason: "too much", message }));
  });
});
