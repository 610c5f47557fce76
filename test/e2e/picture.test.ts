import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { svgOf, wordsIn } from "../../scripts/picture/svg.ts";
import { takePictures } from "../../scripts/picture/take.ts";
import type { Cell, Colour } from "../support/cells.ts";
import { root } from "../support/source.ts";

const file = (name: string) => readFileSync(path.join(root, "docs", `look-${name}.svg`), "utf8");
const isThere = (row: string) => row.trim() !== "";

/** What differs from run to run: ids, times, counts that traffic changes, and where a folder's name is cut. */
function masked(rows: readonly string[]): readonly string[] {
  return rows.filter(isThere).map((row) =>
    row
      .replace(/ {2}DEMO {2}\w{4} /, "  DEMO  ID ")
      .replace(/^DONE {2}\w{4} /, "DONE  ID ")
      .replaceAll(/holdfast-\d+\.\.|\/var\/tmp\S*/g, "FOLDER")
      .replaceAll(/\d[\d,.:]*/g, "N")
      .replaceAll(/ {2,}/g, "  "),
  );
}

describe("the README's pictures", () => {
  it("hold word for word what the terminal had, and are those that a run today gives", async () => {
    const pictures = await takePictures(20_000);
    expect(pictures.map(({ name }) => name)).toEqual(["choice", "done"]);
    for (const picture of pictures) {
      expect(wordsIn(svgOf(picture))).toEqual(picture.words.filter(isThere));
      expect(masked(wordsIn(file(picture.name)))).toEqual(masked(picture.words));
    }
    const [choice, done] = pictures;
    expect(choice?.words.join("\n")).toMatch(/^> Dead rows off their pages .*\[recommended\]$/m);
    expect(done?.words.join("\n")).toMatch(/all [0-9,]+ rescued rows are in their tables, equal/);
  });
});

const cell = (text: string, over: Partial<Cell> = {}): Cell => ({
  text,
  front: { kind: "default" },
  back: { kind: "default" },
  bold: false,
  dim: false,
  underline: false,
  inverse: false,
  ...over,
});
const row = (words: string, over: Partial<Cell> = {}) => Array.from(words, (text) => cell(text, over));
const red: Colour = { kind: "palette", index: 1 };

describe("a picture of cells", () => {
  it("gives each look its own piece of text at its own column, and keeps rooms between words", () => {
    const svg = svgOf({ title: "t", rows: [[...row("ab  c "), ...row("RED", { front: red })], row('  <&">  x')] });
    expect(wordsIn(svg)).toEqual(["ab  c RED", '  <&">  x']);
    expect(svg).toMatch(/<text [^>]*fill="#ff7b72">RED<\/text>/);
    expect(svg.match(/<text /g)).toHaveLength(5);
  });

  it("draws inverse, grounds, weight and the colours of the cube", () => {
    const looks = [
      row("inv", { inverse: true }),
      row("bold", { bold: true }),
      row("dim", { dim: true }),
      row("line", { underline: true }),
      row("cube", { front: { kind: "palette", index: 196 } }),
      row("grey", { front: { kind: "palette", index: 244 } }),
      row("true", { front: { kind: "rgb", value: 0x0a0b0c } }),
    ];
    const svg = svgOf({ title: "t", rows: looks });
    expect(svg).toMatch(/<rect [^>]*fill="#e6edf3"\/>\n<text [^>]*fill="#0d1117">inv</);
    expect(svg).toMatch(/font-weight="bold">bold</);
    expect(svg).toMatch(/opacity="0.7">dim</);
    expect(svg).toMatch(/text-decoration="underline">line</);
    expect(svg).toMatch(/fill="#ff0000">cube</);
    expect(svg).toMatch(/fill="#808080">grey</);
    expect(svg).toMatch(/fill="#0a0b0c">true</);
  });

  it("needs nothing from elsewhere, and stands on a ground of its own", () => {
    for (const svg of [file("choice"), file("done")]) {
      expect(svg).not.toMatch(/href|@import|url\(|<script|<style/);
      expect(svg).toMatch(/<rect width="\d+" height="\d+" rx="8" fill="#0d1117"/);
      // oxlint-disable-next-line no-control-regex
      expect(svg).not.toMatch(/[^\x00-\x7f]/);
    }
  });
});
