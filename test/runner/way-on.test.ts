import { expect, test } from "vitest";
import { Fault } from "../../src/core/errors.ts";
import type { FailureQuestion } from "../../src/core/question.ts";
import { openRun } from "../../src/runner/open-session.ts";
import { anAction, answering, live, planOf, world, yes } from "../support/runner.ts";

type Draft = ConstructorParameters<typeof Fault>[2];

/** What is asked after each failure of a step that always fails so, retried so many times and left then. */
async function askedAfter(draft: Draft, retries = 0): Promise<readonly FailureQuestion[]> {
  const { parts } = world();
  const actions = [anAction("look", "read", () => Promise.reject(new Fault("HF-TEST-SO", "it is so", draft)))];
  const asked: FailureQuestion[] = [];
  const session = answering(openRun({ ...parts, actions }, planOf(actions, "sandbox"), live), (question) => {
    if (question.kind !== "failure") return yes(question);
    asked.push(question);
    return { kind: "act", act: asked.length > retries ? "leave" : "retry" };
  });
  await session.ended;
  return asked;
}

const recommended = ({ options }: FailureQuestion) => options.filter((one) => one.recommended).map(({ act }) => act);

test.each<[string, Draft, string]>([
  ["a failure that may pass", {}, "retry"],
  ["a refusal whose hint mends it", { exit: "refused", hint: "Grant it." }, "retry"],
  ["a refusal whose hint gives the run up", { exit: "refused", hint: "Give this run up, begin anew." }, "abandon"],
  ["a refusal whose hint begins anew", { exit: "refused", hint: "Begin anew and choose another." }, "abandon"],
  [
    "a refusal whose hint begins another run first, so that the evidence stays held",
    { exit: "refused", hint: "Begin a new run that chooses one; then give this one up." },
    "leave",
  ],
  ["a failure that says itself that nothing else helps", { wayOn: "abandon" }, "abandon"],
  ["a refusal whose rows wait in the rescue area", { exit: "refused", wayOn: "leave", hint: "Begin anew." }, "leave"],
])("after %s one way on is recommended, and it is the one that helps", async (_what, draft, act) => {
  const [question] = await askedAfter(draft);
  expect(question && recommended(question)).toEqual([act]);
  const retry = question?.options.find((one) => one.act === "retry");
  expect(retry?.label.includes("it would stop here again")).toBe(act !== "retry");
  expect(question?.refused).toBe(draft?.exit === "refused" ? true : undefined);
});

test("a retry that was in vain is told: how many tries there were, and when the last was", async () => {
  const questions = await askedAfter({}, 2);
  const tried = questions.map(({ facts }) => facts.find(({ label }) => label === "tried")?.text);
  expect(tried[0]).toBeUndefined();
  expect(tried[1]).toMatch(/^2 tries, last at \d\d:\d\d:\d\dZ$/);
  expect(tried[2]).toMatch(/^3 tries, last at \d\d:\d\d:\d\dZ$/);
});
