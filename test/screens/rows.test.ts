import { describe, expect, it } from "vitest";
import {
  around,
  ends,
  fit,
  labelled,
  row,
  rowText,
  scrolled,
  span,
  whereIn,
  widthOf,
  wrapText,
} from "../../src/screens/rows.ts";

describe("rows", () => {
  it("show nothing but printable ASCII, whatever comes from a server", () => {
    const hostile = "a\u001B]52;c;ZXZpbA==\u0007b\u001B[2Jc\u202Ed\u0000e\u2028fé😀";
    const shown = span(hostile).text;
    expect(shown).toMatch(/^[\x20-\x7e]*$/);
    expect(shown).toContain("\\x1b");
    expect(shown).toContain("\\u202e");
  });

  it("tell two names apart that differ in a character which ASCII lacks", () => {
    expect(span("caf\u00e9").text).not.toBe(span("caf\u00e8").text);
  });

  it("end in a mark where they are cut, and are never wider than the window", () => {
    const cut = fit(row("0123456789", span("abcdefgh", "strong")), 12);
    expect(rowText(cut)).toBe("0123456789..");
    expect(rowText(fit(row("0123456789"), 10))).toBe("0123456789");
    expect(widthOf(fit(row("0123456789"), 1))).toBe(1);
  });

  it("cut the left end first and keep the right one", () => {
    const line = ends(row("a very long left side of a line"), row("RIGHT"), 24);
    expect(rowText(line)).toBe("a very long lef..  RIGHT");
    expect(rowText(ends(row("left"), row("right"), 20))).toBe("left           right");
  });

  it("wrap without losing a character", () => {
    const text =
      "SELECT pg_drop_replication_slot('holdfast_019aa3f0_1111_7abc_8def_0000000b9c73_pin') and some more words";
    const lines = wrapText(text, 20);
    expect(lines.every((line) => line.length <= 20)).toBe(true);
    expect(lines.join("").replaceAll(" ", "")).toBe(text.replaceAll(" ", ""));
  });

  it("keep a blank between a label and its text, however long the label is", () => {
    expect(labelled("not possible", "it is closed", 40, { indent: 12 }).map(rowText)).toEqual([
      "not possible it is closed",
    ]);
  });

  it("stand under their label, and say where the rest was cut", () => {
    const rows = labelled("WHY", "one two three four five six seven eight", 20, { indent: 6, most: 2 }).map(rowText);
    expect(rows).toEqual(["WHY   one two three", "      four five si.."]);
  });
});

describe("windows over lists and texts", () => {
  const items = Array.from({ length: 20 }, (_, n) => n);

  it("keep the item in view at both ends and in the middle", () => {
    for (const at of [0, 1, 9, 18, 19]) expect(around(items, at, 5).shown).toContain(at);
    expect(around(items, 19, 5)).toMatchObject({ above: 15, below: 0 });
    expect(around(items, 3, 50).shown).toEqual(items);
  });

  it("never scroll past the end", () => {
    expect(scrolled(items, 1000, 5).shown).toEqual([15, 16, 17, 18, 19]);
    expect(scrolled(items, -3, 5).shown).toEqual([0, 1, 2, 3, 4]);
  });

  it("say what part is shown, and nothing when all is", () => {
    expect(whereIn(scrolled(items, 2, 5))).toBe("lines 3 to 7 of 20, PgUp PgDn");
    expect(whereIn(scrolled(items, 0, 20))).toBe("");
  });
});
