import { describe, expect, it } from "vitest";
import type { ConfirmQuestion } from "../../src/core/question.ts";
import { update } from "../../src/screens/update.ts";
import { ended, letters, named, play, running, textOf } from "./support/look.ts";
import { confirmQuestion, done, mergePreview, statementQuestion, story, untilMerge } from "./support/story.ts";

/** What the screen says when the merge is asked once more, `ms` after the first question appeared. */
function askedAgain(ms: number, over: Partial<ConfirmQuestion> = {}): string {
  const told = untilMerge().tell({ kind: "question.asked", question: confirmQuestion() });
  const lapsesAt = told.now + 120_000;
  const question = confirmQuestion({ lapsesAt });
  const first = running(untilMerge().tell({ kind: "question.asked", question }));
  const lapsed = { kind: "lapsed", why: "two minutes went by" } as const;
  told.tell({ kind: "question.answered", question: "Q20", step: "merge", by: "ops_k", answered: lapsed });
  const now = first.now + ms;
  const between = update(first, { kind: "run-changed", state: told.state }, now).model;
  told.tell({ kind: "question.asked", question: confirmQuestion({ id: "Q21", lapsesAt: now + 120_000, ...over }) });
  return textOf(update(between, { kind: "run-changed", state: told.state }, now + 500).model);
}

describe("a confirmation that is asked again", () => {
  it("says that its time ran out, and that nothing has changed since", () => {
    expect(askedAgain(121_000)).toContain(
      "Asked again: two minutes went by. The server was looked at again: unchanged.",
    );
  });

  it("says that what it would do has changed", () => {
    const previews = [{ step: "merge", preview: { ...mergePreview, counts: { orders: 7 } } }];
    expect(askedAgain(121_000, { previews })).toContain("looked at again: CHANGED, read it anew.");
  });

  it("says nothing of the kind for another step, or where no time ran out", () => {
    expect(askedAgain(121_000, { step: "release" })).not.toContain("Asked again");
    expect(askedAgain(1000)).not.toContain("Asked again");
  });
});

describe("what was said to a key before a question came", () => {
  const asked = { kind: "question.asked", question: confirmQuestion({ way: { kind: "go" } }) } as const;

  it("does not stand beside the question, where it is not true", () => {
    const told = untilMerge("sandbox");
    const pressed = play(running(told), [named("enter"), letters("g")]).model;
    expect(textOf(pressed)).toContain("g does nothing here.");
    told.tell(asked);
    const after = update(pressed, { kind: "run-changed", state: told.state }, pressed.now + 100).model;
    expect(textOf(after)).toContain("g goes ahead.");
    expect(textOf(after)).not.toContain("does nothing here");
  });

  it("stays where the run was told to stop", () => {
    const told = untilMerge("sandbox");
    const stopping = play(running(told), [letters("p")]).model;
    told.tell(asked);
    const after = update(stopping, { kind: "run-changed", state: told.state }, stopping.now + 100).model;
    expect(textOf(after)).toContain("Pausing: ");
  });

  it("is gone when the run has ended: nothing is pausing any more", () => {
    const told = untilMerge("sandbox").tell(asked);
    const pausing = play(running(told), [letters("p")]).model;
    expect(textOf(pausing)).toContain("Pausing: ");
    told.tell({ kind: "run.paused", reason: "paused by the operator" });
    const end = { kind: "run-ended", end: { exit: "paused", state: told.state } } as const;
    const after = update(pausing, end, pausing.now).model;
    expect(textOf(after)).toContain("STOPPED, NOT DONE");
    expect(textOf(after)).not.toContain("Pausing: ");
    expect(textOf(after)).toBe(textOf({ ...ended(told), now: after.now }));
  });
});

describe("an answer that was not taken", () => {
  const choice = { kind: "question.asked", question: statementQuestion } as const;

  it("is said to be so, also where the run looked at it for a moment without a question", () => {
    const told = story().tell(...done("freeze", 1200), choice);
    const wrote = play(running(told), [letters("w"), { kind: "field", text: "yesterday" }, named("enter")]).model;
    told.tell({
      kind: "question.answered",
      question: "Q7",
      step: "statement",
      by: "ops_k",
      answered: { kind: "declined" },
    });
    const between = update(wrote, { kind: "run-changed", state: told.state }, wrote.now + 100).model;
    told.tell({ kind: "question.asked", question: { ...statementQuestion, id: "Q9" } });
    const after = update(between, { kind: "run-changed", state: told.state }, wrote.now + 900).model;
    expect(textOf(after)).toContain("Nothing was chosen: this was not understood");
  });

  it("is not said of a step that began with it, and asks for something else later", () => {
    const told = untilMerge("sandbox").tell({
      kind: "question.asked",
      question: confirmQuestion({ way: { kind: "go" } }),
    });
    const taken = play(running(told), [letters("g")]).model;
    told.tell(
      { kind: "question.answered", question: "Q20", step: "merge", by: "ops_k", answered: { kind: "confirmed" } },
      { kind: "step.intended", step: "merge", attempt: 1, params: {}, recovery: "cursor" },
    );
    const begun = update(taken, { kind: "run-changed", state: told.state }, taken.now + 100).model;
    told.tell({ kind: "question.asked", question: confirmQuestion({ id: "Q21", way: { kind: "go" } }) });
    const after = update(begun, { kind: "run-changed", state: told.state }, taken.now + 900).model;
    expect(textOf(after)).not.toContain("Asked again");
  });
});
