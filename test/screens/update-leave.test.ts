import { describe, expect, it } from "vitest";
import type { Model } from "../../src/screens/model.ts";
import { update } from "../../src/screens/update.ts";
import { ended, everyScreen, letters, model, named, play, running, sizes, textOf } from "./support/look.ts";
import { confirmQuestion, failing, merging, statementQuestion, story, untilMerge } from "./support/story.ts";

const inputs = everyScreen(sizes[2]!).inputs!;
const goQuestion = confirmQuestion({ way: { kind: "go" } });

describe("leaving", () => {
  const live = running(merging());

  it("asks first while a run is driven, then pauses it, and goes when the run has let go", () => {
    const once = play(live, [letters("q")]);
    expect(once.commands).toEqual([]);
    expect(textOf(once.model)).toContain("q again leaves");
    expect(play(once.model, [letters("v"), letters("q")]).commands).toEqual([]);
    const twice = play(live, [letters("q"), letters("q")]);
    expect(twice.commands).toEqual([{ do: "pause", reason: "the operator left" }]);
    const paused = merging().tell({ kind: "run.paused", reason: "the operator left" });
    const gone = update(
      twice.model,
      { kind: "run-ended", end: { exit: "paused", state: paused.state } },
      twice.model.now,
    );
    expect(gone.commands).toEqual([{ do: "exit", exit: "paused" }]);
  });

  it.each([
    ["g on a hold", running(untilMerge().tell({ kind: "question.asked", question: goQuestion })), letters("g")],
    [
      "Enter on a choice",
      {
        ...running(story().tell({ kind: "question.asked", question: statementQuestion })),
        cursors: { choice: 0 },
      },
      named("enter"),
    ],
    ["v", live, letters("v")],
    ["a key that nothing is bound to", live, letters("z")],
    ["a paste", live, { kind: "paste", text: "q" } as const],
  ])("takes %s as the answer that stays, and as nothing else", (_what, shown, key) => {
    const after = play(shown, [letters("q"), key]);
    expect(after.commands).toEqual([]);
    expect(after.model).toMatchObject({ leaving: "no", message: "Stayed. That key did nothing else." });
    expect(after.model.routes).toEqual(shown.routes);
    expect(play(after.model, [letters("q")]).commands, "it asks anew").toEqual([]);
  });

  it("is not answered by the key that asked, while it is held down", () => {
    const held = play(live, Array(40).fill(letters("q")), 33);
    expect(held.commands).toEqual([]);
    expect(textOf(held.model)).toContain("A held key does not leave.");
    expect(play(held.model, [letters("q")]).commands).toEqual([{ do: "pause", reason: "the operator left" }]);
  });

  it("forgets that it asked when a question comes between", () => {
    const once = play(live, [letters("q")]).model;
    const told = merging().tell({ kind: "question.asked", question: goQuestion });
    const early = update(once, { kind: "run-changed", state: told.state }, once.now).model;
    const after = update(early, { kind: "key", key: letters("q") }, early.now + 100);
    expect(after.commands).toEqual([{ do: "drain" }]);
    expect(after.model.leaving).toBe("no");
  });

  it("stays on screen when the run ends by itself, and leaves with its exit name", () => {
    const over = ended(failing());
    expect(textOf(over)).toContain("STOPPED, NOT DONE");
    const after = play({ ...over, end: { exit: "unknown", state: over.run! } }, [letters("q")]);
    expect(after.commands).toEqual([{ do: "exit", exit: "unknown" }]);
  });

  it("goes at once where nothing is driven", () => {
    expect(play(model(), [letters("q")]).commands).toEqual([{ do: "exit", exit: "ok" }]);
    expect(play(inputs, [named("ctrl-c")]).commands).toEqual([{ do: "exit", exit: "ok" }]);
  });
});

describe("Ctrl-C", () => {
  it("pauses, then cancels the statement, then exits as interrupted", () => {
    const { commands } = play(running(merging()), [named("ctrl-c"), named("ctrl-c"), named("ctrl-c")]);
    expect(commands).toEqual([
      { do: "pause", reason: "Ctrl-C" },
      { do: "cancel" },
      { do: "exit", exit: "interrupted" },
    ]);
  });

  it("works at every place of a run, in a field and over a question that has only just appeared", () => {
    for (const name of ["live", "choice", "type", "go", "failure", "details", "note", "write", "help"]) {
      const shown = everyScreen(sizes[2]!)[name]!;
      const fresh = { ...shown, asked: shown.asked === null ? null : { ...shown.asked, at: shown.now } };
      const { commands } = update(fresh, { kind: "key", key: named("ctrl-c") }, fresh.now);
      expect(commands, name).toEqual([{ do: "pause", reason: "Ctrl-C" }]);
    }
  });

  it("does not cancel a statement on its first press after a pause that was asked for", () => {
    const { commands } = play(running(merging()), [letters("p"), named("ctrl-c")]);
    expect(commands.map((command) => command.do)).toEqual(["pause", "pause"]);
  });

  it("says what happens next", () => {
    expect(textOf(play(running(merging()), [named("ctrl-c")]).model)).toContain(
      "after this batch. ^C again cancels the statement.",
    );
  });
});

describe("where a pause stops", () => {
  const words = (shown: Model) => play(shown, [named("ctrl-c")]).model.message;
  const told = untilMerge().tell({ kind: "question.asked", question: goQuestion });
  const merge = { kind: "step.intended", step: "merge", attempt: 1, params: {}, recovery: "cursor" } as const;
  const confirmed = {
    kind: "question.answered",
    question: "Q20",
    step: "merge",
    by: "ops_k",
    answered: { kind: "confirmed" },
  } as const;

  it.each([
    ["at a question that waits", running(told), "nothing is in the air, so at once"],
    ["right after it was answered", play(running(told), [letters("g")]).model, "before what you just confirmed begins"],
    [
      "before the write begins",
      running(told.tell(confirmed)),
      "before the next step begins, or at its first safe point",
    ],
    ["in a step without batches so far", running(untilMerge().tell(merge)), "after this step"],
    ["in a write of batches", running(merging()), "after this batch"],
    ["the same, from the details", play(running(merging()), [letters("v")]).model, "after this batch"],
  ])("is true %s", (_when, shown, said) => {
    expect(words(shown)).toContain(said);
  });
});
