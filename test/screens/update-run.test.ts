import { describe, expect, it } from "vitest";
import type { ConfirmQuestion } from "../../src/core/question.ts";
import { update } from "../../src/screens/update.ts";
import { running, textOf } from "./support/look.ts";
import { confirmQuestion, mergePreview, untilMerge } from "./support/story.ts";

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
