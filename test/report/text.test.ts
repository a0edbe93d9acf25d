import { describe, expect, it } from "vitest";
import { html, joined } from "../../src/report/page/html.ts";
import {
  change,
  counted,
  estimate,
  grouped,
  inWords,
  layerList,
  measure,
  percent,
  percentRange,
  tied,
} from "../../src/report/text/numbers.ts";

const N = "\u202f";

describe("html", () => {
  it("escapes whatever is not HTML already, and only once", () => {
    const inner = html`<b>${'a & "b" <c>'}</b>`;
    expect(html`<p title="${"it's"}">${inner}${[1, " < ", null, false, undefined]}</p>`.text).toBe(
      '<p title="it&#39;s"><b>a &amp; &quot;b&quot; &lt;c&gt;</b>1 &lt; </p>',
    );
    expect(joined(["<", html`<i></i>`], ", ").text).toBe("&lt;, <i></i>");
    expect(html`${"a\u0000\ud800b"}`.text).toBe("a\ufffd\ufffdb");
  });
});

describe("Numbers in sentences", () => {
  it.each([
    [percent(0.831), `83${N}%`],
    [percent(0.0042), `0.4${N}%`],
    [percent(0.00001), `<${N}0.1${N}%`],
    [percent(0), `0${N}%`],
    [percentRange(0.681, 0.914), `68–91${N}%`],
    [percentRange(0.681, 0.684), `68${N}%`],
    [measure(0.041234), "0.0412"],
    [measure(-12.345), "−12.3"],
    [measure(1234.5), "1235"],
    [measure(0.0000123), `1.2${N}×${N}10⁻⁵`],
    [measure(0), "0"],
    [change(0.5), "+0.500"],
    [change(-0.5), "−0.500"],
    [estimate(0.3138, 0.01054), `0.314${N}±${N}0.021`],
    [estimate(12.3, null), "12.3"],
    [counted(1, "layer"), "one\u00a0layer"],
    [counted(9216, "neuron"), `9${N}216\u00a0neurons`],
    [grouped(49152), `49${N}152`],
    [grouped(768), "768"],
    [layerList([8, 1, 2, 9, 10, 6]), "layers\u00a01, 2, 6 and 8–10"],
    [layerList([4]), "layer\u00a04"],
    [inWords(3), "three"],
    [inWords(12), "12"],
    [tied("95 % of 3"), `95${N}% of 3`],
  ])("%s", (said, expected) => {
    expect(said).toBe(expected);
  });
});
