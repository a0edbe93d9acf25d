import { describe, expect, it } from "vitest";
import type { Dataset } from "../../src/datasets/datasets.ts";
import { Material, type MaterialRequest } from "../../src/experiments/material.ts";
import { modelsIn } from "../../src/runs/served-models.ts";

const model = await modelsIn("models").get("prose-6m");
const texts = ["It was the best of times, it was the worst of times.", "Short.", "She opened the door and looked into the room."];
const dataset = { name: "three", sha256: "00", texts, rows: texts.map((text) => ({ text })) } as unknown as Dataset;

const material = (request: Partial<MaterialRequest>, from: Dataset | null = null) =>
  new Material({ request: { short_texts: "error", ...request }, model, dataset: from, prependBos: true });

describe("texts that are cut", () => {
  it("all have as many tokens as was asked, BOS first", async () => {
    const { tokens, tokensPerText } = await material({
      data: { texts: [texts[0] as string, texts[2] as string] },
      tokens_per_text: 6,
    }).cut();
    expect(tokensPerText).toBe(6);
    expect(tokens.map(({ length }) => length)).toEqual([6, 6]);
    expect(tokens.map(([first]) => first)).toEqual([model.tokenizer.bosId, model.tokenizer.bosId]);
  });

  it("have as many as all have when nothing is said, and are refused where they differ", async () => {
    const [text = ""] = texts;
    const { tokensPerText, lengths } = await material({ data: { texts: [text, text] } }).cut();
    const most = 1 + model.tokenizer.encode(text).length;
    expect([tokensPerText, lengths]).toEqual([most, { least: most, most, all: 2 * most }]);
    const least = 1 + model.tokenizer.encode("Short.").length;
    await expect(material({ data: { texts } }).cut()).rejects.toThrow(
      `the texts have from ${least} (text 1) to ${most} tokens (BOS included), and all are to be equally long. ` +
        `Ask for tokens_per_text of ${least} or fewer, pass over shorter ones with "short_texts": "skip", or take each as long as it is with "short_texts": "keep"`,
    );
  });

  it("are as long as they are, or as was asked at most, where that was asked", async () => {
    const whole = texts.map((text) => 1 + model.tokenizer.encode(text).length);
    const kept = await material({ data: { texts }, short_texts: "keep" }).cut();
    expect(kept.tokens.map(({ length }) => length)).toEqual(whole);
    expect(kept.tokensPerText).toBeNull();
    expect(kept.lengths).toEqual({ least: whole[1], most: whole[0], all: whole.reduce((sum, length) => sum + length) });
    const cut = await material({ data: { texts }, short_texts: "keep", tokens_per_text: 8 }).cut();
    expect(cut.tokens.map(({ length }) => length)).toEqual(whole.map((length) => Math.min(length, 8)));
    expect(cut.tokens[0]).toEqual(kept.tokens[0]?.subarray(0, 8));
    const long = await material({ data: { texts: ["one ".repeat(2000)] }, short_texts: "keep" }).cut();
    expect(long.tokensPerText).toBe(model.contextLength);
  });

  it("of fewer than two tokens, or of no length, are refused by number, or passed over", async () => {
    const data = { texts: [texts[0] as string, ""] };
    for (const short_texts of ["error", "keep"] as const)
      await expect(material({ data, short_texts }).cut()).rejects.toThrow(
        "text 1 has 0 characters, fewer than the least allowed, 1",
      );
    expect((await material({ data, short_texts: "skip", tokens_per_text: 8 }).cut()).tokens).toHaveLength(1);
    const ids = { tokens: [[5, 6], [model.tokenizer.bosId as number]] };
    await expect(material({ data: ids, short_texts: "keep" }).cut()).rejects.toThrow(
      "text 1 has 1 token (BOS included), fewer than the least allowed, 2",
    );
  });

  it("short ones are refused by number, with how many tokens they have", async () => {
    const short = 1 + model.tokenizer.encode("Short.").length;
    await expect(material({ data: { texts }, tokens_per_text: 8 }).cut()).rejects.toThrow(
      `1 of 3 texts have fewer than 8 tokens (BOS included): 1 (${short}). Ask for fewer tokens_per_text, pass over them with "short_texts": "skip", or take each as long as it is with "short_texts": "keep"`,
    );
  });

  it("short ones are passed over where that was asked, and further texts looked at", async () => {
    const { tokens } = await material(
      { data: { dataset: "three" }, texts: 2, tokens_per_text: 8, short_texts: "skip" },
      dataset,
    ).cut();
    expect(tokens.map((text) => model.tokenizer.text(text[1] as number))).toEqual(["It", "She"]);
    await expect(
      material({ data: { dataset: "three" }, texts: 3, tokens_per_text: 8, short_texts: "skip" }, dataset).cut(),
    ).rejects.toThrow("2 texts have 8 tokens (BOS included), fewer than the 3 asked for; 1 shorter ones were passed over");
  });

  it("more than there are, and more tokens than the context, are refused with both numbers", async () => {
    await expect(material({ data: { dataset: "three" }, texts: 4 }, dataset).cut()).rejects.toThrow(
      "4 texts are more than the data set three has, 3",
    );
    await expect(material({ data: { texts }, tokens_per_text: 4096 }).cut()).rejects.toThrow(
      `4096 tokens are more than the context of prose-6m holds, ${model.contextLength}`,
    );
  });

  it("token ids are taken as they are, their BOS never doubled", async () => {
    const ids = [model.tokenizer.bosId as number, 5, 6, 7];
    const { tokens } = await material({ data: { tokens: [ids, ids.slice(1)] }, tokens_per_text: 4 }).cut();
    expect(tokens.map((text) => [...text])).toEqual([ids, ids]);
  });

  it("nothing at all is refused", async () => {
    await expect(material({}).cut()).rejects.toThrow('is required: { "dataset": "…" }, or { "texts": […] }');
  });
});

describe("texts and rows that are whole", () => {
  it("are the first ones", () => {
    expect(material({ data: { dataset: "three" }, texts: 2 }, dataset).texts()).toEqual(texts.slice(0, 2));
    expect(material({ data: { rows: [{ text: "a", label: 1 }] } }).rows()).toEqual([{ text: "a", label: 1 }]);
  });

  it("are told apart by their hash", () => {
    const hash = (data: MaterialRequest["data"]) => material({ data }).identity.sha256;
    expect(hash({ texts: ["a"] })).toBe(hash({ texts: ["a"] }));
    expect(hash({ texts: ["a"] })).not.toBe(hash({ texts: ["b"] }));
    expect(material({ data: { dataset: "three" } }, dataset).identity).toEqual({ dataset: "three", sha256: "00" });
  });

  it("words cannot be found in token ids, nor texts in rows without them", () => {
    expect(() => material({ data: { tokens: [[1, 2]] } }).texts()).toThrow("this kind needs texts, not token ids");
    expect(() => material({ data: { rows: [{ a: 1 }] } }).texts()).toThrow('the row has no "text" that is a text');
  });
});
