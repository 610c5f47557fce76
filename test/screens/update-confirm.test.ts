import { describe, expect, it } from "vitest";
import type { Key } from "../../src/screens/input/decode.ts";
import type { Command, Message, Model, Size } from "../../src/screens/model.ts";
import { update } from "../../src/screens/update.ts";
import { everyScreen, letters, model, named, play, running, sizes, textOf } from "./support/look.ts";
import {
  began,
  confirmQuestion,
  done,
  lease,
  merging,
  runId,
  statementQuestion,
  story,
  untilMerge,
  mergePreview,
} from "./support/story.ts";
import { summaryOf } from "./support/fake-workbench.ts";

const enter = named("enter");
const byHand = (text: string): Key[] => Array.from(text, letters);
const asked = (over = {}, size?: Size) =>
  running(untilMerge().tell({ kind: "question.asked", question: confirmQuestion(over) }), size);
const answers = (commands: readonly Command[]) => commands.filter((command) => command.do === "answer");

/** The same question, shown `ms` ago. */
function since(shown: Model, ms: number): Model & { readonly asked: NonNullable<Model["asked"]> } {
  return { ...shown, asked: { ...shown.asked!, at: shown.now - ms } };
}

describe("a typed confirmation", () => {
  it("hands in exactly what was typed by hand", () => {
    const { commands } = play(asked(), [...byHand("shop_orders"), enter]);
    expect(commands).toEqual([
      { do: "answer", question: "Q20", answer: { kind: "typed", text: "shop_orders", pasted: false } },
    ]);
  });

  it("says at once that it was taken and what is done now, takes nothing more, and Esc does not say that nothing happened", () => {
    const taken = play(asked(), [...byHand("shop_orders"), enter], 100);
    const said = "Confirmed: counting anew on the server; if nothing has changed, it begins ..";
    expect(textOf(taken.model)).toContain(said);
    const more = play(taken.model, [...byHand("shop_orders"), enter, named("escape")]);
    expect(answers(more.commands)).toEqual([]);
    expect(textOf(more.model)).toContain(said);
    expect(textOf(more.model)).toContain("It is answered already.");
    expect(more.model.aside).toBeNull();
    const hold = story().tell({
      kind: "question.asked",
      question: confirmQuestion({ step: "freeze", covers: ["freeze"], way: { kind: "go" } }),
    });
    expect(textOf(play(running(hold), [letters("g")]).model)).toContain("Confirmed: it begins ..");
  });

  it("says why it asks once more when the counts had changed after the name was typed", () => {
    const told = untilMerge().tell({ kind: "question.asked", question: confirmQuestion() });
    const taken = play(running(told), [...byHand("shop_orders"), enter]).model;
    const again = told.tell({ kind: "question.asked", question: confirmQuestion({ id: "Q24" }) });
    const after = update(taken, { kind: "run-changed", state: again.state }, taken.now).model;
    expect(textOf(after)).toContain("the counts are no longer those that you confirmed. Nothing was begun.");
    expect(textOf(after)).toContain("Type the name of this database");
  });

  it("has its title whole in every window", () => {
    const covers = ["copy", "merge"];
    for (const size of [...sizes.slice(1), { columns: 60, rows: 20 }, { columns: 70, rows: 24 }]) {
      const lines = textOf(asked({ covers }, size)).split("\n");
      const title = lines.slice(1, 3).join(" ");
      expect(title).toContain("STEPS 6, 7");
      expect(title).toContain("Take the safety copy; Merge the missing rows");
      expect(title).toMatch(/WRITE +(lapses in \d+:\d\d|\d+:\d\d left)/);
      expect(title).not.toContain("..");
    }
    expect(textOf(asked({ covers }, sizes[1])).split("\n")[1]).toContain("Merge the missing rows  WRITE");
  });

  it("is not confirmed by Enter alone, nor after a paste, nor by the phrase in one read", () => {
    expect(answers(play(asked(), [enter, enter]).commands)).toEqual([]);
    expect(answers(play(asked(), [{ kind: "paste", text: "shop_orders" }, enter]).commands)).toEqual([]);
    expect(answers(play(asked(), [letters("shop_orders"), enter]).commands)).toEqual([]);
  });

  it("says how a wrong name differs, clears the field and lets the session record the miss", () => {
    const { model: after, commands } = play(asked(), [...byHand("shop"), enter]);
    expect(answers(commands)).toHaveLength(1);
    expect(after.typed.text).toBe("");
    expect(textOf(after)).toContain("Not confirmed: it ends too early: 4 of 11 characters.");
    expect(textOf(after)).toMatch(/\(1 of 3 misses\) 2 tries left, then the run pauses\s\(nothing is lost\)/);
  });

  it("forgets the misses of before a resume, as the session does", () => {
    const { model: after } = play(asked(), [...byHand("shop"), enter]);
    const again = update(after, { kind: "session-opened", state: after.run! }, after.now).model;
    expect(textOf(again)).not.toContain("misses");
  });

  it("begins with what its check warned of, and the details have it too", () => {
    const finding = {
      level: "warn",
      text: "Nothing holds dead rows of public.orders now",
      hint: "Freeze soon.",
    } as const;
    const told = untilMerge().tell(
      { kind: "step.checked", step: "merge", findings: [{ level: "ok", text: "fine" }, finding] },
      { kind: "question.asked", question: confirmQuestion() },
    );
    const text = textOf(running(told));
    expect(text).toMatch(/WARN +Nothing holds dead rows of public\.orders now \(Freeze soon\.\)\nIt will/);
    expect(text).not.toContain("fine");
    expect(textOf(play(running(told), [named("escape"), letters("v")]).model)).toMatch(/WARNINGS[^]*Nothing holds/);
  });

  it("tells one expected time, and never none at all", () => {
    const withTime = (over: object) =>
      textOf(asked({ previews: [{ step: "merge", preview: { ...mergePreview, ...over } }] }));
    expect(withTime({ lines: ["about 1:01, assuming 50,000 rows a second"] }).match(/about \d:/g)).toHaveLength(1);
    expect(withTime({ takesMs: 80 })).toContain("; under a second; plan");
  });

  it("says so when the name of another environment's target was typed", () => {
    const { model: after } = play(asked(), [...byHand("shop_orders_st"), enter]);
    expect(textOf(after)).toContain("that names the staging target shop-staging");
  });

  it("counts misses over the question asked again, and starts anew for another step", () => {
    const told = untilMerge().tell({ kind: "question.asked", question: confirmQuestion() });
    const first = play(running(told), [...byHand("x"), enter]).model;
    told.tell({
      kind: "question.answered",
      question: "Q20",
      step: "merge",
      by: "ops_k",
      answered: { kind: "mistyped", differs: "it is another name" },
    });
    const between = update(first, { kind: "run-changed", state: told.state }, first.now).model;
    told.tell({ kind: "question.asked", question: confirmQuestion({ id: "Q21" }) });
    const again = update(between, { kind: "run-changed", state: told.state }, first.now).model;
    expect(textOf(again)).toContain("(1 of 3 misses)");
    told.tell({ kind: "question.asked", question: confirmQuestion({ id: "Q22", step: "release" }) });
    expect(textOf(update(again, { kind: "run-changed", state: told.state }, first.now).model)).not.toContain("misses");
  });

  it("is put aside and taken up again with an empty field, says how to get back, and nothing is answered", () => {
    const { model: aside, commands } = play(asked(), [...byHand("shop_"), named("escape")]);
    expect(commands).toEqual([]);
    expect(textOf(aside)).toContain("A QUESTION WAITS");
    expect(textOf(play(aside, [named("escape")]).model)).toContain("It waits for you. Enter: back to the question.");
    const { model: back } = play(aside, [enter]);
    expect(textOf(back)).toContain("  > _\n");
  });

  it("can't be answered after it lapsed", () => {
    const late = asked({ lapsesAt: began + 1000 });
    const { model: after, commands } = play(late, [...byHand("shop_orders"), enter]);
    expect(answers(commands)).toEqual([]);
    expect(textOf(after)).toContain("This has lapsed");
  });

  it("can't be answered in a window that does not show its facts", () => {
    for (const size of [
      { columns: 59, rows: 30 },
      { columns: 100, rows: 14 },
    ]) {
      expect(answers(play(asked({}, size), [...byHand("shop_orders"), enter]).commands)).toEqual([]);
    }
    const facts = Array.from({ length: 9 }, (_, n) => ({ label: `f${n}`, text: "x" }));
    const { model: after, commands } = play(asked({ facts }, { columns: 60, rows: 15 }), [
      ...byHand("shop_orders"),
      enter,
    ]);
    expect(answers(commands)).toEqual([]);
    expect(textOf(after)).toContain("too small");
  });

  it("can't be answered before every line of the preview was on the screen", () => {
    const lines = Array.from({ length: 40 }, (_, n) => `public.table_${n}: 1,000 rows are missing`);
    const long = asked({ previews: [{ step: "merge", preview: { ...mergePreview, lines } }] });
    const early = play(long, [...byHand("shop_orders"), enter]);
    expect(answers(early.commands)).toEqual([]);
    expect(textOf(early.model)).toMatch(/\d+ lines of the preview are not read yet: PgDn/);
    const read = play(long, [named("pgdn"), named("pgdn"), named("pgdn"), ...byHand("shop_orders"), enter]);
    expect(textOf(play(long, [named("pgdn"), named("pgdn"), named("pgdn")]).model)).toContain("public.table_39");
    expect(answers(read.commands)).toHaveLength(1);
    const pages = Array.from({ length: 5 }, (_, n) =>
      textOf(
        play(
          long,
          Array.from({ length: n }, () => named("pgdn")),
        ).model,
      ),
    );
    const seen = new Set(pages.flatMap((page) => Array.from(page.matchAll(/table_(\d+):/g), (found) => found[1])));
    expect(seen.size, "no line is skipped by a page").toBe(40);
    const up = play(long, [
      named("pgdn"),
      named("pgdn"),
      named("pgdn"),
      named("pgup"),
      ...byHand("shop_orders"),
      enter,
    ]);
    expect(answers(up.commands), "what was read stays read").toHaveLength(1);
  });
});

describe("a question that has only just appeared", () => {
  const cases: readonly (readonly [string, Model, Key])[] = [
    ["g", asked({ way: { kind: "go" } }), letters("g")],
    ["a letter of the name", asked(), letters("s")],
    [
      "Enter on a choice",
      { ...running(story().tell({ kind: "question.asked", question: statementQuestion })), cursors: { choice: 0 } },
      enter,
    ],
  ];

  it.each(cases)("ignores %s for 400 ms and throws away what is queued", (_key, shown, key) => {
    const early = update(since(shown, 399), { kind: "key", key }, shown.now);
    expect(answers(early.commands)).toEqual([]);
    expect(early.model.typed.text).toBe("");
    expect(early.model.message).toContain("only just appeared");
  });

  it.each(cases)("takes %s after that", (_key, shown, key) => {
    const later = update(since(shown, 400), { kind: "key", key }, shown.now);
    expect(answers(later.commands).length + later.model.typed.text.length).toBe(1);
  });

  it("empties the pump when it comes, and highlights nothing", () => {
    const told = story();
    const live = running(told);
    const { model: after, commands } = update(
      live,
      { kind: "run-changed", state: told.tell({ kind: "question.asked", question: statementQuestion }).state },
      live.now,
    );
    expect(commands).toEqual([{ do: "drain" }]);
    expect(after.cursors.choice).toBe(-1);
  });

  it("comes to the front of whatever was looked at", () => {
    const told = untilMerge();
    const { model: looking } = play(running(told), [letters("v"), letters("?")]);
    told.tell({ kind: "question.asked", question: confirmQuestion() });
    const after = update(looking, { kind: "run-changed", state: told.state }, looking.now).model;
    expect(textOf(after)).toContain("Type the name of this database");
  });
});

describe("a key that is held down", () => {
  it("answers no question, however long it is held", () => {
    const going = asked({ way: { kind: "go" } });
    const before = update(going, { kind: "key", key: letters("g") }, going.asked!.at - 100).model;
    let current: Model = { ...before, asked: { ...before.asked!, at: going.now } };
    const repeated: Message[] = Array.from({ length: 60 }, () => ({ kind: "key", key: letters("g") }));
    const said: Command[] = [];
    let now = going.now + 350;
    current = { ...current, lastKey: { name: "g", at: going.now - 200 } };
    for (const message of repeated) {
      const next = update(current, message, now);
      said.push(...next.commands);
      current = next.model;
      now += 33;
    }
    expect(answers(said)).toEqual([]);
    expect(answers(update(current, { kind: "key", key: letters("g") }, now + 1000).commands)).toHaveLength(1);
  });

  it("does not choose by an Enter that repeats", () => {
    const choosing = {
      ...running(story().tell({ kind: "question.asked", question: statementQuestion })),
      cursors: { choice: 0 },
    };
    const held = { ...choosing, lastKey: { name: "enter", at: choosing.now - 300 } };
    expect(answers(update(held, { kind: "key", key: enter }, choosing.now).commands)).toEqual([]);
  });
});

describe("a choice", () => {
  const choosing = running(story().tell({ kind: "question.asked", question: statementQuestion }));

  it("has nothing highlighted at first, and does not wrap", () => {
    expect(answers(play(choosing, [enter]).commands)).toEqual([]);
    const { model: top } = play(choosing, [named("down"), named("up"), named("up"), named("up")]);
    expect(top.cursors.choice).toBe(0);
    const { model: bottom } = play(
      choosing,
      Array.from({ length: 9 }, () => named("down")),
    );
    expect(bottom.cursors.choice).toBe(2);
  });

  it("takes the highlighted one, and refuses a closed one with its reason", () => {
    expect(answers(play(choosing, [named("down"), named("down"), enter]).commands)).toEqual([
      { do: "answer", question: "Q7", answer: { kind: "choose", value: "88120455" } },
    ]);
    const closed = play(choosing, [named("down"), named("down"), named("down"), enter]);
    expect(answers(closed.commands)).toEqual([]);
    expect(textOf(closed.model)).toContain("Enter: not possible; the reason stands with it in the list");
    expect(textOf(closed.model).match(/its transaction has not ended/g), "not said twice").toHaveLength(1);
  });

  it("takes a closed one too where an earlier process found it closed: the step looks once more", () => {
    const question = { ...statementQuestion, looksAnew: true } as const;
    const resumed = running(story().tell({ kind: "question.asked", question }));
    expect(answers(play(resumed, [named("down"), named("down"), named("down"), enter]).commands)).toEqual([
      { do: "answer", question: "Q7", answer: { kind: "choose", value: "open:4211" } },
    ]);
  });

  it("can be written by hand where none of the list is right", () => {
    const { commands } = play(choosing, [letters("w"), { kind: "field", text: "88120999" }, enter]);
    expect(answers(commands)).toEqual([
      { do: "answer", question: "Q7", answer: { kind: "choose", value: "88120999" } },
    ]);
    expect(answers(play(choosing, [letters("w"), enter]).commands)).toEqual([]);
    expect(textOf(play(choosing, [letters("w")]).model)).toContain(
      "It may be transaction ids joined by +, or two instants",
    );
    for (const size of sizes)
      expect(textOf({ ...choosing, size }), "said beside the list too: the last row may have no room for it").toContain(
        "None of these? w writes it by hand.",
      );
    expect(textOf(play(choosing, [letters("?")]).model)).toContain(
      "write it by hand, when it is none of the list: transaction ids joined by +",
    );
  });

  it("that was written and not understood is asked again with the text kept, and says what may be written", () => {
    const wrote = play(choosing, [letters("w"), { kind: "field", text: "yesterday" }, enter]).model;
    expect(textOf(wrote)).toContain("answered ..");
    const told = story().tell({ kind: "question.asked", question: { ...statementQuestion, id: "Q9" } });
    const after = update(wrote, { kind: "run-changed", state: told.state }, wrote.now).model;
    expect(after.routes.at(-1)).toMatchObject({ kind: "write", question: "Q9" });
    expect(textOf(after)).toContain("value: yesterday");
    expect(textOf(after)).toContain("It may be transaction ids joined by +, or two instants with .. between them");
    expect(textOf(after)).toContain("Nothing was chosen: this was not understood, or names what was not found.");
    const mended = play(after, [{ kind: "field", text: "88120431" }, enter]);
    expect(answers(mended.commands)).toEqual([
      { do: "answer", question: "Q9", answer: { kind: "choose", value: "88120431" } },
    ]);
    const back = play(after, [named("escape")]).model;
    expect(textOf(back)).toContain("None of these? w writes it by hand.");
  });

  it("has no way by hand where only the list can be chosen", () => {
    const { byHand: _none, ...listed } = statementQuestion;
    const shown = running(story().tell({ kind: "question.asked", question: listed }));
    const { model: after } = play(shown, [letters("w")]);
    expect(after.routes.at(-1)).toEqual({ kind: "run" });
    expect(textOf(after)).toContain("w: only what is listed can be chosen here");
    expect(textOf(after)).not.toContain("None of these?");
  });
});

describe("giving a run up", () => {
  const resume = everyScreen(sizes[2]!).resume!;

  it("needs the run's short id, typed by hand", () => {
    expect(play(resume, [letters("x"), enter]).commands).toEqual([]);
    expect(play(resume, [letters("x"), letters("Q73K"), enter]).commands).toEqual([]);
    expect(play(resume, [letters("x"), ...byHand("q73k"), enter]).commands).toEqual([]);
    expect(play(resume, [letters("x"), ...byHand("Q73K"), enter]).commands).toEqual([{ do: "give-up", run: runId }]);
  });

  it("keeps its question and what is typed in sight however much is held, and scrolls the rest", () => {
    const told = Array.from({ length: 12 }, (_, n) =>
      lease(`L${n + 1}`, `A hold with many words, number ${n + 1}. `.repeat(3)),
    );
    const held = told.reduce((so, one) => so.tell(one), untilMerge());
    for (const size of sizes) {
      const shown = model({ size, routes: [{ kind: "start" }, { kind: "give-up", run: runId, state: held.state }] });
      const typed = play(shown, byHand("Q7")).model;
      expect(textOf(typed)).toContain("Esc goes back,");
      expect(textOf(typed)).toContain("> Q7_");
      expect(textOf(typed)).toMatch(/lines 1 to \d+ of \d+, PgUp PgDn/);
      expect(textOf(play(typed, [named("pgdn")]).model)).toContain("> Q7_");
      expect(textOf(play(typed, [named("pgdn")]).model)).not.toContain("lines 1 to");
    }
  });

  it("says before the id is typed what is written and stays, and that the way back from it goes", () => {
    const written = {
      rows: 600_000,
      done: 600_000,
      total: 981_204,
      unit: "rows",
      tables: [{ table: "public.orders", rows: 600_000 }],
    };
    const area = lease("L9", "the rescued rows", "rescue");
    if (area.kind === "lease.intended")
      Object.assign(area.lease, { kind: "rescue-area", name: "area_q73k", keepable: true });
    const told = merging().tell(
      area,
      { kind: "lease.taken", lease: "L9", facts: null },
      ...done("rescue", 1, { area: "area_q73k", rows: 981_241 }),
      {
        kind: "step.settled",
        step: "merge",
        attempt: 1,
        finding: "partial",
        evidence: [],
        decision: "go-on",
        written,
      },
      { kind: "run.paused", reason: "Ctrl-C" },
    );
    for (const size of sizes.slice(1)) {
      const shown = model({ size, routes: [{ kind: "start" }, { kind: "give-up", run: runId, state: told.state }] });
      const text = textOf(shown).replaceAll(/\s+/g, " ");
      expect(text).toContain(
        "STAYS Merge the missing rows: 600,000 of 981,204 rows are written, and stay (public.orders 600,000)",
      );
      expect(text).toContain("GOES rescue area area_q73k with 981,241 rescued rows");
      expect(text).toContain("what is written can't be taken out by the safety copy any more");
      expect(text.indexOf("any more")).toBeLessThan(text.indexOf("Type the run's short id"));
      expect(textOf(shown)).toContain("\n  > _");
    }
  });

  it("is not possible while another process drives the run", () => {
    const summary = summaryOf({ driven: true });
    const route = { ...resume.routes[1]!, summary } as Model["routes"][number];
    const driven = model({ routes: [{ kind: "start" }, route] });
    const { model: after, commands } = play(driven, [letters("x"), letters("g")]);
    expect(commands).toEqual([]);
    expect(textOf(after)).toContain("another process drives this run now");
  });

  it("is not possible for a drill whose server is not among the targets, and neither is going on: the command is named", () => {
    const summary = summaryOf({ purpose: "drill", target: "drill", runbook: "restore-after-bad-delete" });
    const route = { ...resume.routes[1]!, summary } as Model["routes"][number];
    const left = model({ routes: [{ kind: "start" }, route] });
    expect(textOf(left)).toContain("The server of a drill is started by its own command alone:");
    expect(textOf(left)).toMatch(/^ +\S.* drill restore-after-bad-delete$/m);
    expect(textOf(left)).not.toContain("g goes on.");
    const { model: after, commands } = play(left, [letters("x"), letters("g")]);
    expect(commands).toEqual([]);
    expect(textOf(after)).toContain("a drill goes on by its own command");
    const target = { name: "drill", engine: "postgres", environment: "production", database: "shop" } as const;
    const there = { ...left, bench: { ...left.bench, targets: [...left.bench.targets, target] } };
    expect(play(there, [letters("g")]).commands).toEqual([expect.objectContaining({ do: "resume" })]);
  });
});

describe("the checklist behind a question", () => {
  it("pauses the run by p without answering", () => {
    const { commands } = play(asked(), [named("escape"), letters("p")]);
    expect(commands).toEqual([{ do: "pause", reason: "paused by the operator" }]);
  });

  it("is left by the end of the question", () => {
    const told = untilMerge().tell({ kind: "question.asked", question: confirmQuestion() });
    const { model: aside } = play(running(told), [named("escape")]);
    const after = update(aside, { kind: "run-changed", state: merging().state }, aside.now).model;
    expect(after.aside).toBeNull();
    expect(textOf(after)).not.toContain("A QUESTION WAITS");
  });
});
