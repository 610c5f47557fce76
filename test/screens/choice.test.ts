import { describe, expect, it } from "vitest";
import type { ChoiceQuestion } from "../../src/core/question.ts";
import type { Choice } from "../../src/core/step.ts";
import { everyScreen, letters, linesOf, model, named, play, running, sizes, textOf } from "./support/look.ts";
import { done, failing, failureQuestion, merging, statementQuestion, story } from "./support/story.ts";

const [down, pageDown, pageUp, enter, g] = [
  named("down"),
  named("pgdn"),
  named("pgup"),
  named("enter"),
  letters("g"),
] as const;

const choice = (value: string, more: Partial<Choice> = {}): Choice => ({
  value,
  label: `take ${value}`,
  details: Array.from({ length: 30 }, (_, at) => `${value} line ${at + 1}`),
  tags: [],
  data: null,
  ...more,
});
const keepOrDrop = [
  choice("keep"),
  choice("drop", { irreversible: "3 rescued rows are in no table: this is their only copy" }),
];
const asked = (choices: readonly Choice[], more: Partial<ChoiceQuestion> = {}) =>
  story().tell({ kind: "question.asked", question: { ...statementQuestion, choices, ...more } });

describe.each(sizes.slice(1))("a list at $columns x $rows that is longer than its window", (size) => {
  const first = running(asked(keepOrDrop), size);

  it("is read to its end by PgDn and back by PgUp, every line of it, and the highlight stays where it is", () => {
    const seen = new Set<string>();
    let shown = play(first, [down]).model;
    for (let pages = 0; pages < 6; pages += 1) {
      for (const line of linesOf(shown)) seen.add(line.trim());
      shown = play(shown, [pageDown]).model;
      expect(shown.cursors.choice).toBe(0);
    }
    for (const one of keepOrDrop) for (const line of one.details) expect(seen).toContain(line);
    expect(textOf(play(shown, Array(6).fill(pageUp)).model)).toContain("> take keep");
  });

  it("has its last entry highlighted and in sight after one End, and nothing is chosen by that", () => {
    const ended = play(first, [named("end")]).model;
    expect(ended.cursors.choice).toBe(keepOrDrop.length - 1);
    expect(textOf(ended)).toContain(`> ${keepOrDrop.at(-1)?.label}`);
    expect(play(ended, [named("end")]).model.cursors.choice).toBe(keepOrDrop.length - 1);
  });

  it("takes no Enter for what is highlighted out of sight; an arrow brings the highlight back", () => {
    const away = play(first, [down, pageDown, pageDown, enter]);
    expect(away.commands.filter(({ do: what }) => what === "answer")).toEqual([]);
    expect(textOf(away.model)).toContain("What is highlighted is not on the screen");
    expect(textOf(play(away.model, [named("up")]).model)).toContain("> take keep");
  });
});

describe("a choice that loses something for good", () => {
  const first = running(asked(keepOrDrop), sizes[2]);
  const answers = (...keys: Parameters<typeof play>[1]) =>
    play(first, keys).commands.flatMap((one) => (one.do === "answer" ? [one.answer] : []));

  it("is not chosen by Enter, which says what would be lost and what chooses it", () => {
    const refused = play(first, [down, down, enter]);
    expect(refused.commands.filter(({ do: what }) => what === "answer")).toEqual([]);
    expect(textOf(refused.model)).toMatch(
      /3 rescued rows are in no table: this is their only copy\. Only g chooses it/,
    );
    expect(textOf(refused.model)).toContain("(Enter choose)");
  });

  it("is chosen by g while it is highlighted, and nothing else is", () => {
    expect(answers(down, down, g)).toEqual([{ kind: "choose", value: "drop" }]);
    expect(answers(g)).toEqual([]);
    expect(answers(down, g)).toEqual([]);
    expect(answers(down, pageDown, pageDown, pageDown, g)).toEqual([]);
    expect(answers(down, enter)).toEqual([{ kind: "choose", value: "keep" }]);
  });
});

it("a list of which nothing is highlighted says what to press before Enter, if it has one entry too", () => {
  for (const choices of [[choice("one", { details: [] })], keepOrDrop]) {
    const shown = running(asked(choices), sizes[1]);
    expect(textOf(shown)).toContain("Nothing is highlighted yet: Down first, then Enter chooses.");
    expect(textOf(play(shown, [down]).model)).not.toContain("Nothing is highlighted yet");
  }
  expect(model().choiceTop).toBeNull();
});

describe("after a failure, in a window of 80 columns", () => {
  const of = (more: object) =>
    running(failing().tell({ kind: "question.asked", question: { ...failureQuestion, ...more } }), sizes[1]);

  it("the last row has the ways on that are open, giving up among them, before those that are closed", () => {
    expect(linesOf(of({})).at(-1)).toMatch(/^i find out {2}x give up /);
    const options = failureQuestion.options.map((one) =>
      one.act === "retry" ? { act: one.act, label: "retry" } : one,
    );
    expect(linesOf(of({ options })).at(-1)).toMatch(/^i find out {2}r retry {2}x give up /);
  });

  it("a refusal is not called a failure", () => {
    const told = merging().tell(
      { kind: "step.ended", step: "merge", attempt: 1, outcome: "failed", took: 1 },
      { kind: "question.asked", question: { ...failureQuestion, refused: true } },
    );
    expect(linesOf(running(told, sizes[1]))[1]).toBe(
      "[#] STEP 7  Merge the missing rows   it stops here; nothing has failed",
    );
  });
});

it("what nobody was asked is not called chosen", () => {
  const by = (who: string) =>
    textOf(
      running(
        story().tell(...done("freeze", 1), ...done("statement", 1), {
          kind: "question.answered",
          question: "Q1",
          step: "statement",
          answered: { kind: "chosen", value: "none", label: "nothing to add", data: null },
          by: who,
        }),
        sizes[2],
      ),
    );
  expect(by("default")).toContain("not asked: nothing to add");
  expect(by("ops_k")).toContain("chosen: nothing to add");
});

describe("in a field", () => {
  const [clear, word] = [named("ctrl-u"), named("ctrl-w")];
  const fields = everyScreen(sizes[2]!);
  const field = (text: string) => ({ kind: "field", text }) as const;

  it("^U clears what is written and ^W takes its last word, wherever text is typed", () => {
    for (const name of ["note", "write"] as const) {
      const written = play(fields[name]!, [field("one two  three ")]).model;
      expect(play(written, [word]).model.draft).toBe("one two  ");
      expect(play(written, [word, word]).model.draft).toBe("one ");
      expect(play(written, [clear]).model.draft).toBe("");
    }
    expect(play(fields.runbooks!, [field("bring back"), word]).model.find).toBe("bring ");
    const input = play(fields.inputs!, [field("public.orders"), clear]);
    expect(input.model.form.values).toMatchObject({ table: "" });
    expect(input.commands.at(-1), "what is left is looked at anew").toMatchObject({ do: "judge", text: "" });
  });

  it("they edit what is typed to confirm too, and answer nothing", () => {
    const typing = play(fields.type!, Array.from("shop or", letters)).model;
    const { model: shorter, commands } = play(typing, [word, word, word]);
    expect([shorter.typed.text, commands]).toEqual(["", []]);
    expect(play(typing, [word]).model.typed.text).toBe("shop ");
    expect(play(typing, [clear]).model.typed.text).toBe("");
    expect(play(fields["give-up"]!, [...Array.from("Q73", letters), clear]).model.typed.text).toBe("");
  });
});
