import { expect, test } from "vitest";
import { answerTo } from "../../../src/cli/rehearsal/scripted-operator.ts";
import { incidentLines, proofLines, storyNote } from "../../../src/cli/rehearsal/words.ts";
import type { ChoiceQuestion, ConfirmQuestion, FailureQuestion } from "../../../src/core/question.ts";
import type { Choice } from "../../../src/core/step.ts";

const asked = { id: "Q1", step: "s", asks: "?", facts: [] };
const confirm = (way: ConfirmQuestion["way"]): ConfirmQuestion => ({
  ...asked,
  kind: "confirm",
  way,
  covers: ["s"],
  previews: [],
  lapsesAt: 0,
});
const one = (value: string, tags: readonly string[] = [], disabled?: string): Choice => ({
  value,
  label: value,
  details: [],
  tags,
  data: value,
  ...(disabled === undefined ? {} : { disabled }),
});
const choice = (...choices: readonly Choice[]): ChoiceQuestion => ({ ...asked, kind: "choice", choices });
const failure = (...options: FailureQuestion["options"]): FailureQuestion => ({
  ...asked,
  kind: "failure",
  known: [],
  unknown: [],
  options,
});

const asks = (question: Parameters<typeof answerTo>[0]) => answerTo(question, "delete");

test("a hold is answered by the key, a write by the phrase as it is shown, never as if pasted", () => {
  expect(asks(confirm({ kind: "go" }))).toEqual({ kind: "go" });
  expect(asks(confirm({ kind: "type", phrase: "shop" }))).toEqual({ kind: "typed", text: "shop", pasted: false });
});

test("of choices the largest or recommended one is taken, never a disabled one, and none is guessed", () => {
  expect(asks(choice(one("7"), one("8", ["largest"])))).toEqual({ kind: "choose", value: "8" });
  expect(asks(choice(one("7"), one("rewrite:8", ["rewrite"])))).toEqual({ kind: "choose", value: "rewrite:8" });
  expect(asks(choice(one("a", ["recommended"], "closed"), one("b")))).toEqual({ kind: "choose", value: "b" });
  expect(asks(choice(one("fire"), one("skip")))).toEqual({ kind: "choose", value: "skip" });
  expect(asks(choice(one("keep"), one("drop", ["default"])))).toEqual({ kind: "choose", value: "drop" });
  expect(asks(choice(one("x"), one("y")))).toBeNull();
  expect(asks(choice(one("x", [], "closed")))).toBeNull();
});

test("after an UPDATE the largest of those is taken, not what customers deleted since", () => {
  const list = choice(one("7", ["largest"]), one("update:8", ["largest-update"]));
  expect(answerTo(list, "update")).toEqual({ kind: "choose", value: "update:8" });
  expect(answerTo(list, "delete")).toEqual({ kind: "choose", value: "7" });
});

test("after a failure what is recommended is done, and the run is left as it is when that did not help", () => {
  const options = [
    { act: "retry", label: "try again", recommended: true },
    { act: "leave", label: "leave" },
  ] as const;
  expect(asks(failure(...options))).toEqual({ kind: "act", act: "retry" });
  expect(answerTo(failure(...options), "delete", true)).toEqual({ kind: "act", act: "leave" });
  expect(asks(failure({ act: "retry", label: "try again", recommended: true, disabled: "unknown outcome" }))).toEqual({
    kind: "act",
    act: "leave",
  });
});

test("a proof says each table's content before and now, and what is wrong with it", () => {
  const table = {
    table: "public.t",
    expected: 1200,
    byTraffic: 3,
    missing: 0,
    different: 0,
    unexpected: 0,
    byTriggers: 0,
    setBack: 0,
    putBack: 0,
  };
  const good = { ...table, digests: { noted: "aa", found: "aa" } };
  expect(proofLines({ equal: true, tables: [good] }, "delete", true)).toEqual([
    "",
    "Every row against what was noted before the DELETE:",
    "  public.t: 1,200 rows (3 of traffic's), content aa = aa",
    "Proved: every row is what it was before the DELETE, or what traffic made of it since.",
  ]);
  const bad = { ...table, missing: 2, unexpected: 5, byTriggers: 5, digests: { noted: "aa", found: "bb" } };
  const lines = proofLines({ equal: false, tables: [bad] }, "delete", false);
  expect(lines[2]).toBe(
    "  public.t: 1,200 rows (3 of traffic's), content aa is not bb, 2 rows missing, 5 rows written by the trigger that you let fire",
  );
  expect(lines.at(-1)).toContain("NOT PROVED");
});

test("the story of the incident, whole, is one line of the run's notes", () => {
  const incident = {
    kind: "delete",
    table: "public.orders",
    statement: "DELETE FROM public.orders WHERE status = 'cancelled'",
    meant: "DELETE FROM public.orders WHERE status = 'cancelled' AND placed_at < '2025-01-01'",
    at: 0,
    rows: 4029,
    keptBy: "a report session",
  } as const;
  const note = storyNote(incident);
  expect(note).not.toContain("\n");
  const words = (text: string) => text.split(/[\s;.]+/);
  expect(words(note)).toEqual(words(incidentLines(incident).join(" ")));
  expect(incidentLines(incident, "demo").at(-1)).toBe(
    "  What kept the dead rows at first (a report session) ended with that demo.",
  );
  expect(note).toContain("'cancelled'; and meant: DELETE FROM public.orders WHERE");
});
