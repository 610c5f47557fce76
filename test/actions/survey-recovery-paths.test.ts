import { expect, test } from "vitest";
import { surveyRecoveryPaths } from "../../src/actions/survey-recovery-paths.ts";
import { vacuum } from "../../src/engines/memory/traffic.ts";
import { runAction } from "../support/action-context.ts";
import { aStory, found, tagged } from "../support/rescue.ts";

test("offers every path, and closes those that can't be taken with the reason", async () => {
  const story = await aStory();
  const survey = await runAction<any>(surveyRecoveryPaths, story.ctx, { statement: await found(story) });
  const choices = surveyRecoveryPaths.choices?.(survey) ?? [];
  expect(choices.map((one) => [one.value, one.disabled])).toEqual([
    ["open-transaction", "it is committed"],
    ["dead-rows", undefined],
  ]);
});

test("recommends one open path, and hands over what later steps need to know of it", async () => {
  const story = await aStory();
  const statement = await found(story);
  const survey = await runAction<any>(surveyRecoveryPaths, story.ctx, { statement });
  const best = tagged(surveyRecoveryPaths.choices?.(survey), "recommended");
  expect(best.data).toMatchObject({
    path: "dead-rows",
    rescues: true,
    ends: false,
    statement: statement.value,
    rows: 14,
  });
  expect(best.details.slice(0, 2)).toEqual(["about 0:01; brings back 14 rows", "loses: nothing"]);
});

test("tells of a closed path why it is closed and what opens it, and nothing of what it would cost", () => {
  const path = { label: "", takesMs: 2000, rows: 0, loses: "all", needs: ["a key"], rescues: true, recommended: false };
  const paths = [{ ...path, path: "a", feasible: false, why: "It is locked.", opensWith: "A key." }];
  expect(surveyRecoveryPaths.choices?.({ statement: "1", paths })).toMatchObject([
    { disabled: "It is locked. It opens with: A key.", details: [] },
  ]);
});

test("tells time and rows on one line, then the loss, the reason, and all needs on one line; what is not known is said", async () => {
  const path = { path: "a", label: "", feasible: true, why: "It is there.", loses: "nothing", rescues: true };
  const open = { ...path, takesMs: 2000, rows: 12_000, needs: ["a key", "a lamp"], recommended: true };
  const unread = { ...open, path: "b", takesMs: null, rows: null, needs: [] };
  const details = surveyRecoveryPaths.choices?.({ statement: "1", paths: [open, unread] }).map((one) => one.details);
  expect(details).toEqual([
    ["about 0:02; brings back 12,000 rows", "loses: nothing", "It is there.", "needs: a key; a lamp"],
    ["time not known; rows are counted when they are read", "loses: nothing", "It is there."],
  ]);
});

test("recommends an open path even where the engine recommends none", () => {
  const path = { label: "", feasible: true, why: "", takesMs: null, rows: null, loses: "", needs: [], rescues: true };
  const paths = [
    { ...path, path: "a", feasible: false, recommended: true },
    { ...path, path: "b", recommended: false },
  ];
  const choices = surveyRecoveryPaths.choices?.({ statement: "1", paths }) ?? [];
  expect(choices.map((one) => one.tags)).toEqual([[], ["recommended"]]);
});

test("refuses with every reason when no path is open", async () => {
  const story = await aStory();
  const statement = await found(story);
  story.server.change((state) => Object.keys(state.holds).forEach((hold) => delete state.holds[hold]));
  for (const table of ["public.orders", "public.lines"]) vacuum(story.server, table);
  await expect(surveyRecoveryPaths.run(story.ctx, { statement })).rejects.toMatchObject({
    record: {
      code: "HF-PATHS-CLOSED",
      message: expect.stringMatching(
        /[(]1[)] open-transaction: it is committed [(]2[)] dead-rows: .* It opens with: a freeze/,
      ),
    },
  });
});
