import { describe, expect, test } from "vitest";
import type { ExpandedItem } from "../../src/core/plan.ts";
import { frameOf } from "../../src/screens/frame.ts";
import { done, type Story, story } from "./support/story.ts";
import { linesOf, running, textOf } from "./support/look.ts";

const small = { columns: 80, rows: 24 };
const items: readonly ExpandedItem[] = Array.from({ length: 30 }, (_, nth) => {
  const name = `public.orders_2026_${String(nth + 1).padStart(2, "0")}`;
  return { name, title: `Check: ${name}`, value: name };
});
const keyOf = (nth: number) => `check:${items[nth]?.name ?? ""}`;

/** Where `nth` items are done and the next one runs. */
function at(nth: number): Story {
  const told = story().tell(
    ...["freeze", "statement", "path", "rescue"].flatMap((key) => done(key, 1000)),
    ...["statement", "path"].map((step) => ({
      kind: "question.answered" as const,
      question: "q",
      step,
      answered: { kind: "chosen" as const, value: "1", label: "one", data: null },
      by: "ops_k",
    })),
    { kind: "step.expanded", step: "check", items },
  );
  for (let one = 0; one < nth; one += 1) told.tell(...done(keyOf(one), 1000));
  return told.tell({ kind: "step.intended", step: keyOf(nth), attempt: 1, params: {}, recovery: "idempotent" });
}

describe("a checklist of 30 items in a window of 80x24", () => {
  test.each([0, 1, 14, 28, 29])("shows the item that runs, when %d of them are done", (nth) => {
    const shown = running(at(nth), small);
    const text = textOf(shown);
    expect(text).toMatch(
      new RegExp(`\\[>\\] ${nth + 5} Check: ${items[nth]?.name ?? ""}`.replace(/\] (\d) C/, "]  $1 C")),
    );
    expect(text).toContain(`step ${nth + 5} of 38`);
    expect(text).toContain(`[x] 1-${nth + 4} done`);
    expect(linesOf(shown).length).toBeLessThan(small.rows);
    for (const line of linesOf(shown)) expect(line.length).toBeLessThanOrEqual(small.columns);
    expect(frameOf(shown).body.rows.length).toBeGreaterThan(10);
  });

  test("says how many more steps there are than it shows", () => {
    const lines = linesOf(running(at(3), small));
    const shown = lines.filter((line) => /^\[.\] +\d+ /.test(line)).length;
    expect(lines.some((line) => line.includes(`.. ${38 - 7 - shown} more steps`))).toBe(true);
  });

  test("keeps its columns where numbers have three digits", () => {
    const many = Array.from({ length: 120 }, (_, nth) => ({
      name: `t${nth}`,
      title: `Check: t${nth}`,
      value: `t${nth}`,
    }));
    const told = story().tell({ kind: "step.expanded", step: "freeze", items: many });
    const rows = linesOf(running(told, { columns: 100, rows: 30 })).filter((line) => /^\[.\] +\d+ Check/.test(line));
    expect(rows.length).toBeGreaterThan(5);
    expect(new Set(rows.map((line) => line.indexOf("Check"))).size).toBe(1);
  });
});
