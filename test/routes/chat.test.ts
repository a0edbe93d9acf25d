/** Chats and BOS over the API: what is rendered, what is said of it, and what is refused. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ModelInfo } from "../../src/schemas/models.ts";
import { RunPlan } from "../../src/schemas/runs.ts";
import { TokenizeResponse } from "../../src/schemas/tokenize.ts";
import { type Json, readSse, type TestApp, testApp } from "../support/app.ts";

const CHATML =
  "{% for m in messages %}{% if m.role not in ['system', 'user', 'assistant'] %}{{ raise_exception('No role ' ~ m.role) }}{% endif %}" +
  "<|{{ m.role }}|>{{ m.content }}\n{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}{% if polite %}Please.{% endif %}";
const MESSAGES = [
  { role: "system", content: "Be brief." },
  { role: "user", content: "Hi" },
];

/** Models of one small checkpoint: by name, what tokenizer_config.json and other files of theirs hold. */
const MODELS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  plain: {},
  flagged: { "tokenizer_config.json": { bos_token: "<|endoftext|>", add_bos_token: true } },
  chatty: { "tokenizer_config.json": { bos_token: "<|endoftext|>", chat_template: CHATML } },
  filed: {
    "tokenizer_config.json": { chat_template: "old" },
    "chat_template.jinja": "{{ bos_token }}new {{ messages[0].content }}",
  },
  named: { "tokenizer_config.json": { chat_template: [{ name: "rag", template: "a" }] } },
  broken: { "chat_template.jinja": "{% if %}" },
  endless: {
    "chat_template.jinja": "{% for a in range(60000) %}{% for b in range(60000) %}{{ messages }}{% endfor %}{% endfor %}",
  },
  silent: { "chat_template.jinja": "{# nothing #}" },
  ending: { "tokenizer_config.json": { bos_token: "<|endoftext|>", eos_token: "<|endoftext|>", add_eos_token: true } },
  without: { "tokenizer_config.json": { bos_token: null } },
};

let app: TestApp;
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "stratascope-chat-"));
  for (const [name, files] of Object.entries(MODELS)) {
    cpSync("test/fixtures/checkpoints/gpt2", join(folder, name), { recursive: true });
    mkdirSync(join(folder, name), { recursive: true });
    for (const [file, content] of Object.entries(files))
      writeFileSync(join(folder, name, file), typeof content === "string" ? content : JSON.stringify(content));
  }
  cpSync("models/prose-6m", join(folder, "prose-6m"), { recursive: true });
  app = testApp({ MODELS_DIR: folder });
});
afterAll(() => rmSync(folder, { recursive: true }));

const post = async (path: string, body: Json) => {
  const response = await app.post(path, body);
  return { status: response.status, body: (await response.json()) as Json };
};
const tokenize = async (model: string, body: Json) => {
  const { status, body: answer } = await post(`/v1/models/${model}/tokenize`, body);
  expect(status, JSON.stringify(answer)).toBe(200);
  return TokenizeResponse.parse(answer);
};
const refusal = async (path: string, body: Json) => {
  const { status, body: problem } = await post(path, body);
  expect(status, JSON.stringify(problem)).toBe(422);
  return problem.errors as Json;
};

describe("BOS", () => {
  it.each([
    ["prose-6m", { text: "Hi" }, { prepended: true, by: "tokenizer" }],
    ["flagged", { text: "Hi" }, { prepended: true, by: "tokenizer" }],
    ["plain", { text: "Hi" }, { prepended: false, by: "tokenizer" }],
    ["plain", { text: "Hi", prepend_bos: true }, { prepended: true, by: "request" }],
    ["flagged", { text: "Hi", prepend_bos: false }, { prepended: false, by: "request" }],
    ["flagged", { text: "<|endoftext|>Hi" }, { prepended: false, by: "tokenizer" }],
    ["flagged", { ids: [5] }, { prepended: false, by: "request" }],
    ["flagged", { ids: [5], prepend_bos: true }, { prepended: true, by: "request" }],
    ["without", { text: "Hi" }, { prepended: false, by: "tokenizer" }],
    ["chatty", { messages: MESSAGES }, { prepended: false, by: "tokenizer" }],
    ["chatty", { messages: MESSAGES, prepend_bos: true }, { prepended: true, by: "request" }],
  ])("is what the model's own tokenizer does, unless it is forced: %s %j", async (model, body, bos) => {
    const answer = await tokenize(model, body);
    expect(answer.bos).toEqual(bos);
    expect(answer.tokens.filter(({ id }) => id === 0)).toHaveLength(
      bos.prepended || ("text" in body && body.text?.startsWith("<|")) ? 1 : 0,
    );
    if (bos.prepended) expect(answer.tokens[0]).toEqual({ position: 0, id: 0, text: "<|endoftext|>" });
  });

  it("is told by runs, and holds for the sources of patches and for means", async () => {
    const [meta] = await readSse(await app.post("/v1/runs", { model: "plain", prompt: "The cat" }));
    expect(meta).toMatchObject({ bos: { prepended: false, by: "tokenizer" } });
    const source = { prompt: "The dog" };
    const request = {
      prompt: "The cat",
      interventions: [
        { op: "patch", component: "resid_pre", layers: [0], source },
        { op: "ablate", component: "mlp", layers: [1], with: { mean: { texts: ["The old house"] } } },
      ],
    };
    const plans = await Promise.all(
      ["plain", "flagged"].map(async (model) => RunPlan.parse((await post("/v1/runs?dry_run=true", { model, ...request })).body)),
    );
    const [plain, flagged] = plans as [RunPlan, RunPlan];
    expect(flagged.bos).toEqual({ prepended: true, by: "tokenizer" });
    expect(flagged.tokens.length - plain.tokens.length).toBe(1);
    expect((flagged.sources?.[0]?.tokens.length ?? 0) - (plain.sources?.[0]?.tokens.length ?? 0)).toBe(1);
    expect((flagged.means?.[0]?.tokens ?? 0) - (plain.means?.[0]?.tokens ?? 0)).toBe(1);
  });

  it("is refused where there is none, and where a tokenizer would end texts too", async () => {
    expect(await refusal("/v1/runs", { model: "without", prompt: "a", prepend_bos: true })).toEqual([
      { pointer: "/prepend_bos", detail: "the model without has no BOS token, so prepend_bos cannot be true" },
    ]);
    expect(await refusal("/v1/runs", { model: "ending", prompt: "a" })).toEqual([
      {
        pointer: "/prompt",
        detail:
          'the tokenizer of ending puts "<|endoftext|>" after every text, which is not done here: say prepend_bos, or give tokens',
      },
    ]);
    expect((await tokenize("ending", { text: "a", prepend_bos: false })).tokens).toHaveLength(1);
  });

  it("stands with every model, opened or not", async () => {
    const { models } = (await (await app.get("/v1/models")).json()) as { models: Json[] };
    const bos = Object.fromEntries(models.map((model) => [model.id, ModelInfo.parse(model).bos]));
    const token = { id: 0, text: "<|endoftext|>" };
    expect(bos).toMatchObject({
      "prose-6m": { ...token, prepended_by_default: true },
      flagged: { ...token, prepended_by_default: true },
      plain: { ...token, prepended_by_default: false },
      without: null,
    });
  });
});

describe("Messages", () => {
  const TEXT = "<|system|>Be brief.\n<|user|>Hi\n<|assistant|>";

  it("are rendered by the model's own template, and its text is run as it is", async () => {
    const chat = await tokenize("chatty", { messages: MESSAGES });
    expect(chat.chat).toEqual({ text: TEXT, add_generation_prompt: true, template_arguments: {} });
    expect(chat.text).toBe(TEXT);
    const text = await tokenize("chatty", { text: TEXT });
    expect(chat.tokens).toEqual(text.tokens);
    const [meta] = await readSse(await app.post("/v1/runs", { model: "chatty", messages: MESSAGES }));
    expect(meta).toMatchObject({ chat: chat.chat, bos: chat.bos, tokens: chat.tokens });
    expect(app.engine.jobs.at(-1)?.tokens).toEqual(chat.tokens.map(({ id }) => id));
  });

  it("take what is said beside them", async () => {
    const body = { messages: MESSAGES.slice(1), add_generation_prompt: false, template_arguments: { polite: true } };
    const { chat } = await tokenize("chatty", body);
    expect(chat).toEqual({ text: "<|user|>Hi\nPlease.", add_generation_prompt: false, template_arguments: { polite: true } });
  });

  it("are the sources of patches too", async () => {
    const source = { messages: MESSAGES, add_generation_prompt: false };
    const interventions = [{ op: "patch", component: "resid_pre", layers: [0], positions: [0], source }];
    const plan = RunPlan.parse((await post("/v1/runs?dry_run=true", { model: "chatty", prompt: "Hi", interventions })).body);
    const { tokens } = await tokenize("chatty", source);
    expect(plan.sources?.[0]?.tokens).toEqual(tokens);
    const unknown = { ...source, template_arguments: { x: 1 } };
    expect(
      await refusal("/v1/runs", { model: "chatty", prompt: "Hi", interventions: [{ ...interventions[0], source: unknown }] }),
    ).toEqual([
      {
        pointer: "/interventions/0/source/template_arguments",
        detail: 'the chat template of chatty does not take "x"; it takes polite',
      },
    ]);
  });

  it("are read from chat_template.jinja before tokenizer_config.json; a template writes BOS itself, and it is not doubled", async () => {
    const body = { messages: [{ role: "user", content: "Hi" }], prepend_bos: true };
    const { chat, tokens, bos } = await tokenize("filed", body);
    expect(chat?.text).toBe("<|endoftext|>new Hi");
    expect(tokens.filter(({ id }) => id === 0)).toHaveLength(1);
    expect(bos).toEqual({ prepended: false, by: "request" });
  });

  it("of models are told with them: the file, what it takes, and why it cannot be used", async () => {
    const info = async (model: string) => ModelInfo.parse(await (await app.get(`/v1/models/${model}`)).json()).chat;
    expect(await info("chatty")).toEqual({ file: "tokenizer_config.json", arguments: ["polite"], problem: null });
    expect(await info("filed")).toEqual({ file: "chat_template.jinja", arguments: [], problem: null });
    expect(await info("plain")).toBeNull();
    expect(await info("broken")).toMatchObject({ problem: expect.stringMatching(/^chat_template.jinja does not parse: /) });
  });

  it.each([
    [
      "plain",
      {},
      "messages",
      "the model plain has no chat template, so it takes no messages: none in chat_template.jinja, chat_templates or tokenizer_config.json",
    ],
    [
      "named",
      {},
      "messages",
      "the model named has no chat template, so it takes no messages: there is none named default; there are rag",
    ],
    [
      "broken",
      {},
      "messages",
      "the chat template of broken cannot be used: chat_template.jinja does not parse: Unexpected token: CloseStatement",
    ],
    ["endless", {}, "messages", "the chat template of endless takes more than the 200000 steps allowed"],
    ["silent", {}, "messages", "a chat of 0 tokens is less than the least allowed, 1"],
    [
      "chatty",
      { messages: [{ role: "poet", content: "a" }] },
      "messages",
      "the chat template of chatty refuses them: No role poet",
    ],
    [
      "chatty",
      { template_arguments: { polit: true, b: 1 } },
      "template_arguments",
      'the chat template of chatty does not take "polit", "b"; it takes polite',
    ],
    ["chatty", { prompt: "a" }, "messages", "give either prompt or messages, not both"],
    ["chatty", { tokens: [1] }, "messages", "give either tokens or messages, not both"],
    ["chatty", { messages: [] }, "messages", "a list of 0 is less than the least allowed, 1"],
    [
      "chatty",
      { messages: [{ role: "user", content: "long ".repeat(99) }] },
      "messages",
      "a prompt of 417 tokens (BOS included) is more than the context of chatty holds, 96",
    ],
  ])("are refused where they cannot be run: %s %j", async (model, more, field, detail) => {
    expect(await refusal("/v1/runs", { model, messages: MESSAGES, ...more })).toEqual([{ pointer: `/${field}`, detail }]);
  });
});
