import { describe, expect, it } from "vitest";
import type { Key } from "../../src/screens/input/decode.ts";
import type { Command, Model } from "../../src/screens/model.ts";
import { update } from "../../src/screens/update.ts";
import { letters, linesOf, named, play, running, type Played, sizes, textOf } from "./support/look.ts";
import { confirmQuestion, failureQuestion, mergePreview, type Story, untilMerge } from "./support/story.ts";

const enter = named("enter");
const byHand = (text: string): Key[] => Array.from(text, letters);
const acting = (commands: readonly Command[]) => commands.filter(({ do: what }) => what !== "drain");
/** Every letter that is bound anywhere, and the name that the hand means to type. */
const hand = [...byHand("shop_orders"), ...byHand("xgqirsupnvtwjd")];

function ask(told: Story, id: string): Story {
  return told.tell({ kind: "question.asked", question: confirmQuestion({ id }) });
}

function missed(told: Story, question: string): Story {
  const answered = { kind: "mistyped", differs: "it is another name" } as const;
  return told.tell({ kind: "question.answered", question, step: "merge", by: "ops_k", answered });
}

const shown = (model: Model, told: Story) => update(model, { kind: "run-changed", state: told.state }, model.now).model;

/** Three wrong names, as the runner answers them; it then pauses the run. */
function missedThrice(size = sizes[1]!): { readonly model: Model; readonly told: Story } {
  const told = ask(untilMerge(), "Q1");
  let model = running(told, size);
  for (const [miss, next] of [
    ["Q1", "Q2"],
    ["Q2", "Q3"],
    ["Q3", null],
  ] as const) {
    model = play(model, [...byHand("wrong"), enter]).model;
    model = shown(model, missed(told, miss));
    if (next !== null) model = shown(model, ask(told, next));
  }
  return { model, told };
}

const pausedAfter = ({ model, told }: ReturnType<typeof missedThrice>): Model => {
  told.tell({ kind: "run.paused", reason: "the confirmation of merge was missed 3 times; nothing was begun in it" });
  return update(model, { kind: "run-ended", end: { exit: "paused", state: told.state } }, model.now).model;
};

describe("after the third miss", () => {
  it("no key does anything, before and after the run has paused, and the screen says so", () => {
    for (const model of [missedThrice().model, pausedAfter(missedThrice())]) {
      expect(textOf(model).replaceAll("\n", " ")).toContain("The third miss: the run pauses, nothing was begun.");
      expect(linesOf(model).at(-1)).toBe("Enter or Esc: keys live again  ^C stop");
      const after = play(model, hand);
      expect(acting(after.commands)).toEqual([]);
      expect(after.model.routes).toEqual(model.routes);
      expect(textOf(after.model).replaceAll("\n", " ")).toContain("No key does anything until you press Enter or Esc.");
    }
  });

  it("Enter or Esc wakes the keys and does nothing else; held down it does not even that", () => {
    const dead = pausedAfter(missedThrice());
    for (const key of [enter, named("escape")]) {
      const woken = play(dead, [key]);
      expect(acting(woken.commands)).toEqual([]);
      expect(woken.model.routes).toEqual(dead.routes);
      expect(woken.model.dead).toBe("");
      expect(play(woken.model, [letters("g")]).commands).toEqual([expect.objectContaining({ do: "resume" })]);
    }
    const repeated: Played = play({ ...dead, lastKey: { name: "enter", at: dead.now } }, Array(40).fill(enter), 33);
    expect(repeated.model.dead).not.toBe("");
  });

  it("Ctrl-C still stops", () => {
    expect(acting(play(missedThrice().model, [named("ctrl-c")]).commands)).toEqual([{ do: "pause", reason: "Ctrl-C" }]);
  });
});

describe("a hand that types on", () => {
  it("hits no key between a miss and the question asked again, and then types into its field", () => {
    const told = ask(untilMerge(), "Q1");
    const wrong = play(running(told), [...byHand("wrong"), enter]).model;
    const between = play(shown(wrong, missed(told, "Q1")), hand);
    expect(acting(between.commands)).toEqual([]);
    const again = shown(between.model, ask(told, "Q2"));
    expect(play(again, byHand("sh")).model.typed.text).toBe("sh");
  });

  it("hits no key when what it types into goes away under it: lapsed, or failed when it was looked at again", () => {
    const told = ask(untilMerge(), "Q1");
    const half = play(running(told), byHand("shop_")).model;
    told.tell({
      kind: "question.answered",
      question: "Q1",
      step: "merge",
      by: "ops_k",
      answered: { kind: "lapsed", why: "two minutes went by" },
    });
    const gone = shown(half, told);
    expect(acting(play(gone, hand).commands)).toEqual([]);
    const failed = shown(gone, told.tell({ kind: "question.asked", question: failureQuestion }));
    expect(acting(play(failed, hand).commands)).toEqual([]);
    expect(textOf(failed).replaceAll("\n", " ")).toContain("What you were typing into is gone.");
    expect(acting(play(failed, [enter, letters("i")]).commands)).toEqual([
      { do: "answer", question: "Q30", answer: { kind: "act", act: "find-out" } },
    ]);
  });

  it("leaves keys alone where nothing was being typed, and where the name was right", () => {
    const told = ask(untilMerge(), "Q1");
    const right = play(running(told), [...byHand("shop_orders"), enter]).model;
    for (const before of [right, running(told)]) {
      const after = shown(before, missed(told, "Q1"));
      expect(after.dead).toBe("");
    }
  });
});

describe("a preview that was read", () => {
  const rows = (lines: readonly string[]) => Array.from({ length: 8 }, (_, n) => `table_${n}: ${lines.join()}`);
  const question = (id: string, lines: readonly string[] = ["x"], over = {}) =>
    confirmQuestion({ id, previews: [{ step: "merge", preview: { ...mergePreview, lines: rows(lines) } }], ...over });
  const answersTo = (model: Model) =>
    play(model, [...byHand("shop_orders"), enter]).commands.filter((command) => command.do === "answer");
  /** As many rows as show it whole, and not one more. */
  const exactly = (told: Story) => {
    const fits = (height: number) => {
      const text = textOf(running(told, { columns: 80, rows: height }));
      return text.includes("Type the name") && !text.includes("not read yet");
    };
    const height = Array.from({ length: 40 }, (_, n) => n + 15).find(fits) ?? 0;
    return running(told, { columns: 80, rows: height });
  };

  it("stays read when the line that says that a word missed takes a row of it, and when it is asked again as it was", () => {
    const told = untilMerge().tell({ kind: "question.asked", question: question("Q1") });
    const wrong = play(exactly(told), [...byHand("wrong"), enter]).model;
    expect(textOf(wrong)).toContain("misses)");
    expect(textOf(wrong)).toContain("lines 1 to");
    expect(textOf(wrong)).not.toContain("not read yet");
    const again = shown(
      shown(wrong, missed(told, "Q1")),
      told.tell({ kind: "question.asked", question: question("Q2") }),
    );
    expect(textOf(again)).not.toContain("not read yet");
    expect(answersTo(again)).toHaveLength(1);
  });

  it("stays read when only what a hold costs has grown meanwhile, and is unread when it holds something else", () => {
    const cost = (mb: number, slot = "holdfast_wal_1") =>
      `  cost: Keeps ${mb} MB of WAL, growing about ${mb} MB/min; or run drop('${slot}')`;
    const lines = (line: string) => [...rows(["x"]), line];
    const asking = (id: string, line: string) =>
      question(id, [], { previews: [{ step: "merge", preview: { ...mergePreview, lines: lines(line) } }] });
    const told = untilMerge().tell({ kind: "question.asked", question: asking("Q1", cost(17)) });
    const read = play(exactly(told), [...byHand("wrong"), enter]).model;
    const between = shown(read, missed(told, "Q1"));
    const grown = shown(between, told.tell({ kind: "question.asked", question: asking("Q2", cost(84)) }));
    expect(textOf(grown)).toContain("lines 1 to");
    expect(textOf(grown)).not.toContain("not read yet");
    const other = shown(
      between,
      told.tell({ kind: "question.asked", question: asking("Q3", cost(84, "holdfast_wal_of_another")) }),
    );
    expect(textOf(other)).toContain("not read yet");
  });

  it("is unread when it says something else the next time, or warns of something new", () => {
    const told = untilMerge().tell({ kind: "question.asked", question: question("Q1") });
    const wrong = play(exactly(told), [...byHand("wrong"), enter]).model;
    const between = shown(wrong, missed(told, "Q1"));
    const finding = { level: "warn", text: "The pin was lost" } as const;
    for (const [id, lines, findings] of [
      ["Q2", ["y".repeat(200)], []],
      ["Q3", ["x"], [finding]],
    ] as const) {
      told.tell({ kind: "step.checked", step: "merge", findings });
      told.tell({ kind: "question.asked", question: question(id, lines) });
      const changed = shown(between, told);
      expect(textOf(changed), id).toContain("not read yet");
      expect(answersTo(changed), id).toEqual([]);
    }
  });

  it("is not read by a window made wider that shows only a part, nor by one that was too small", () => {
    const long = (id: string) => question(id, ["word ".repeat(60)]);
    const told = untilMerge().tell({ kind: "question.asked", question: long("Q1") });
    const resize = (columns: number, height: number) => ({ kind: "resized", size: { columns, rows: height } }) as const;
    const narrow = play(running(told, { columns: 60, rows: 20 }), Array(8).fill(named("pgdn")));
    expect(textOf(narrow.model)).toContain("not read yet");
    const wide = play(narrow.model, [
      ...Array(20).fill(named("pgup")),
      resize(100, 20),
      resize(40, 10),
      resize(100, 20),
    ]);
    expect(textOf(wide.model)).toContain("not read yet");
    expect(answersTo(wide.model)).toEqual([]);
  });
});
