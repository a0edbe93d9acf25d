/** Refusals of the service, said of the flags that were typed. */
import { describe, expect, it } from "vitest";
import { experimentFields, TEXT_FLAGS } from "../../src/cli/experiment-request.ts";
import { parseFlags } from "../../src/cli/flags.ts";
import { INTERVENTION_FLAGS } from "../../src/cli/interventions.ts";
import { PATCH_FIELDS, PROMPT_FLAGS, READOUT_FLAGS, runFields } from "../../src/cli/run-request.ts";
import { flagOf, spoken } from "../../src/cli/said.ts";

const run = (pointer: string, ...args: string[]) =>
  flagOf(pointer, runFields(parseFlags(args, { ...INTERVENTION_FLAGS, ...PROMPT_FLAGS, ...READOUT_FLAGS })));

describe("A field of a request is the flag that set it", () => {
  it.each([
    ["/interventions/0/layers/1", "--delete"],
    ["/interventions/1/layers/0", "--ablate-head"],
    ["/interventions/2/heads/0", "--ablate-head"],
    ["/interventions/2/positions/0", "--at"],
    ["/interventions/2/with/mean/texts", "--mean"],
    ["/interventions/3/with", "--replace"],
    ["/interventions/4/source/prompt", "--source"],
    ["/interventions/5/toward", "--steer"],
    ["/interventions/5/scale", "--steer-scale"],
    ["/prompt", "the prompt"],
    ["/readout/targets/0", "--target"],
    ["/readout/top_k", "--top-k"],
    ["/capture/1", "--capture"],
    ["/capture/1/neurons/top", "--top-neurons"],
    ["/nowhere", "/nowhere"],
  ])("%s: %s", (pointer, flag) => {
    const args = ["x", "--delete", "1,40", "--ablate-head", "1.0,2.1", "--replace", "3:7", "--patch-resid", "4", "--source", "y"];
    expect(run(pointer, ...args, "--steer", "6: night", "--at", "0", "--mean", "tales")).toBe(flag);
  });

  it.each([
    ["/tokens_per_text", "--tokens"],
    ["/short_texts", "--skip-short"],
    ["/texts", "--texts"],
    ["/data/dataset", "--data"],
    ["/data/rows/3/label", "--data, row 3, label"],
    ["/data/texts/2", "--data, text 2"],
    ["/settings/layers/0", "--set layers"],
    ["/settings", "--set"],
  ])("%s of an experiment: %s", (pointer, flag) => {
    expect(flagOf(pointer, experimentFields(parseFlags([], TEXT_FLAGS)))).toBe(flag);
  });

  it("short_texts is whichever flag was typed", () => {
    expect(flagOf("/short_texts", experimentFields(parseFlags(["--keep-short"], TEXT_FLAGS)))).toBe("--keep-short");
  });

  it.each([
    ["/sweep/source/prompt", "--source"],
    ["/sweep/layers/from", "--layers"],
    ["/sweep/positions/0", "--positions"],
    ["/readout/targets/1", "--targets"],
  ])("%s of a patch sweep: %s", (pointer, flag) => {
    expect(flagOf(pointer, PATCH_FIELDS)).toBe(flag);
  });

  it("So are fields within sentences", () => {
    const said =
      'Ask for fewer tokens_per_text, pass over them with "short_texts": "skip", or take each as long as it is with "short_texts": "keep"';
    expect(spoken(said)).toBe(
      "Ask for fewer --tokens, pass over them with --skip-short, or take each as long as it is with --keep-short",
    );
  });
});
