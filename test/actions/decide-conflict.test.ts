import { expect, test } from "vitest";
import { decideConflict } from "../../src/actions/decide-conflict.ts";
import { conflictsOf, decidedKinds, effectsOf } from "../../src/actions/conflicts.ts";
import type { CheckedRescue, Conflict, Rescue } from "../../src/actions/shapes.ts";
import { checkRescuedRows } from "../../src/actions/check-rescued-rows.ts";
import { copyTable } from "../../src/actions/copy-table.ts";
import { mergeRows } from "../../src/actions/merge-rows.ts";
import { runAction } from "../support/action-context.ts";
import { aStory, rescued } from "../support/rescue.ts";

async function inConflict() {
  const story = await aStory();
  const rescue = await rescued(story);
  await story.incident.remake(3);
  const checked = await runAction<CheckedRescue>(checkRescuedRows, story.ctx, { rescue });
  return { story, rescue, checked, conflicts: checked.conflicts ?? [] };
}

test("a check names each kind of conflict with its rows, and none where there is none", async () => {
  const { conflicts } = await inConflict();
  const tables = [{ table: "public.orders", rows: 1 }];
  expect(conflicts).toEqual([{ name: "remade", title: "Made again since: 1 row", rows: 1, tables }]);
  const clean = {
    table: "t",
    rows: 9,
    missing: 0,
    identical: 0,
    remade: 0,
    removedSince: 0,
    otherUnique: 0,
    orphans: 0,
    duplicates: 0,
  };
  const values = { willSet: 3, changedSince: 2, keyChanged: 0, gone: 4 };
  const names = conflictsOf([{ ...clean, willInsert: 0, findings: [], values }]).map(({ name, rows }) => [name, rows]);
  expect(names).toEqual([
    ["changed-since", 2],
    ["gone", 4],
  ]);
});

test("leaving comes first and is what nobody being asked gets; writing says what is lost by it", async () => {
  const { story, rescue, conflicts } = await inConflict();
  const found = await runAction<Conflict>(decideConflict, story.ctx, { rescue, conflict: conflicts[0] });
  const [leave, write, ...more] = decideConflict.choices?.(found) ?? [];
  expect(more).toEqual([]);
  expect(leave).toMatchObject({ value: "leave", data: { write: false }, tags: ["default", "recommended"] });
  expect(write).toMatchObject({ value: "overwrite", data: { write: true }, tags: [] });
  expect(write?.details.join(" ")).toMatch(/is lost from the table.*can be taken back/);
  expect(write?.disabled).toBeUndefined();
  const closed = decideConflict.choices?.({ ...found, closed: "Role clerk may not UPDATE t;" }) ?? [];
  expect(closed.map(({ disabled }) => disabled)).toEqual([undefined, "Role clerk may not UPDATE t;"]);
});

test("the rows of a kind are listed by key beside what stands against them, and kept in no result", async () => {
  const { story, rescue, conflicts } = await inConflict();
  const found = await runAction<Conflict>(decideConflict, story.ctx, { rescue, conflict: conflicts[0] });
  const shown = (await decideConflict.reveal?.(story.ctx, found)) ?? [];
  expect(shown.map(({ from, rescued: { id }, present }) => [from, id, present?.["note"]])).toEqual([
    ["public.orders", "3", "made again"],
  ]);
  expect(JSON.stringify(found)).not.toContain("made again");
});

test("what was decided is what the safety copy and the merge are told, and nothing else is", async () => {
  const { story, rescue, checked, conflicts } = await inConflict();
  const item = conflicts[0] as Conflict;
  const decided = [{ item, choice: { write: true } }];
  expect(decidedKinds([{ item, choice: { write: false } }, { item }])).toEqual([]);
  expect(decidedKinds(decided)).toEqual(["remade"]);
  expect(effectsOf(rescue as Rescue, ["remade"])).toEqual(["insert", "update"]);
  const wanted = { rescue, checked, decided };
  expect((await copyTable.preview(story.ctx, wanted as never)).summary).toContain("present version of 1 row");
  await runAction(copyTable, story.ctx.at("safety-copy"), wanted);
  const preview = await mergeRows.preview(story.ctx.at("merge"), { ...wanted, triggers: "skip" } as never);
  expect(preview.summary).toBe("INSERT 13 rows; 1 UPDATE, 0 DELETE");
  expect(preview.counts).toEqual({ insert: 13, update: 1 });
  expect(preview.undo).toContain("UPDATE to the values of the safety copy, DELETE by the keys");
  const merged = await runAction(mergeRows, story.ctx.at("merge"), { ...wanted, triggers: "skip" });
  expect(merged).toMatchObject({ inserted: 14, left: 0 });
  expect(await story.incident.content()).toEqual(story.incident.before);
});
