import { expect, test } from "vitest";
import { checkRescuedRows } from "../../src/actions/check-rescued-rows.ts";
import { mergeRows } from "../../src/actions/merge-rows.ts";
import type { CheckedRescue } from "../../src/actions/shapes.ts";
import { runAction } from "../support/action-context.ts";
import { aStory, checked, rescued } from "../support/rescue.ts";

test("counts what a merge will insert", async () => {
  const { checked: found } = await checked(await aStory());
  expect(found.willInsert).toBe(14);
  expect(found.tables.map(({ table, willInsert, orphans }) => [table, willInsert, orphans])).toEqual([
    ["public.orders", 7, 0],
    ["public.lines", 7, 0],
  ]);
});

test("shows values only when asked, and keeps none of them in its result or beside the journal", async () => {
  const story = await aStory();
  const { checked: found } = await checked(story);
  const shown = (await checkRescuedRows.reveal?.(story.ctx, found)) ?? [];
  expect(shown.map(({ from }) => from)).toContain("public.lines");
  expect(JSON.stringify(shown)).toContain("it's");
  expect(JSON.stringify(found)).not.toContain("it's");
  expect([...story.ctx.payloads.values()]).toEqual([]);
});

test("warns of rows that were made again, with how many stay out", async () => {
  const story = await aStory();
  const rescue = await rescued(story);
  await story.incident.remake(3);
  const found = await runAction<CheckedRescue>(checkRescuedRows, story.ctx, { rescue });
  const findings = await checkRescuedRows.verify?.(story.ctx, { rescue }, found);
  expect(found.willInsert).toBe(13);
  expect(findings?.[0]).toMatchObject({
    level: "warn",
    text: expect.stringMatching(/6 of 7 rows .*; 1 made again since/),
  });
});

test("expects every row in a dry run, without looking into an area that is not there", async () => {
  const live = await aStory();
  const rescue = await rescued(live);
  const { ctx } = await aStory({ dryRun: true });
  const preview = await checkRescuedRows.preview(ctx, { rescue });
  expect(preview.expects).toMatchObject({ willInsert: 14 });
  expect(preview.incomplete).toBeUndefined();
  const { checked: real } = { checked: await runAction<CheckedRescue>(checkRescuedRows, live.ctx, { rescue }) };
  expect((preview.expects as unknown as CheckedRescue).tables).toEqual(real.tables);
});

test("stops where nothing is missing, since to go on would pass for a success that brought nothing back", async () => {
  const story = await aStory();
  const found = await checked(story);
  await runAction(mergeRows, story.ctx.at("merge"), { ...found, triggers: "skip" });
  const again = runAction(checkRescuedRows, story.ctx.at("again"), { rescue: found.rescue });
  await expect(again).rejects.toMatchObject({
    record: {
      code: "HF-NOTHING-MISSING",
      exit: "refused",
      message: expect.stringContaining("all 14 rows that it took are in the tables again, equal"),
      hint: expect.stringContaining("choose that one"),
      next: [`holdfast resume ${story.ctx.run} --give-up`],
      wayOn: "abandon",
    },
  });
  const short = runAction(checkRescuedRows, story.ctx.at("again"), { rescue: { ...found.rescue, short: 6 } });
  await expect(short, "what could not be rescued is missing all the same").rejects.toMatchObject({
    record: {
      message:
        "Nothing is left to put back: all 14 rows that could be rescued are in the tables again, equal. 6 rows more that it took can't come back this way.",
    },
  });
});
