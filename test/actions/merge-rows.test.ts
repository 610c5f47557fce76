import { expect, test } from "vitest";
import { copyTable } from "../../src/actions/copy-table.ts";
import { listTriggers } from "../../src/actions/list-triggers.ts";
import { partsOf } from "../../src/actions/merge-parts.ts";
import { mergeRows } from "../../src/actions/merge-rows.ts";
import { verifyMerge } from "../../src/actions/verify-merge.ts";
import { Fault } from "../../src/core/errors.ts";
import { remove } from "../../src/engines/memory/traffic.ts";
import { runAction } from "../support/action-context.ts";
import { aStory, checked, rescued, type Story } from "../support/rescue.ts";

async function ready(story?: Story) {
  const own = story ?? (await aStory());
  const found = await checked(own);
  return { ...own, ctx: own.ctx.at("merge"), params: { ...found, triggers: "fire" as const } };
}

function addTrigger({ server }: Story): void {
  server.change((state) => {
    const table = state.tables["public.orders"];
    if (table)
      state.tables["public.orders"] = {
        ...table,
        design: { ...table.design, triggers: [{ name: "mail", words: "AFTER INSERT, calls send_mail()" }] },
      };
  });
}

test("previews the exact inserts, no update and no delete", async () => {
  const { ctx, params } = await ready();
  const preview = await mergeRows.preview(ctx, params);
  expect(preview.summary).toBe("INSERT 14 rows; 0 UPDATE, 0 DELETE");
  expect(preview.counts).toEqual({ insert: 14 });
  expect(preview.lines[0]).toBe("public.orders: INSERT 7 rows in 3 batches");
  expect(preview.statements).toHaveLength(2);
  expect(preview.lines.join()).toMatch(/about 0:01, assuming 50,000 rows a second/);
  expect(preview.undo).toBe("DELETE by the keys of the safety copy, while the rescue area is kept");
});

test("warns of triggers, and that what they do has no way back, only where there are some that will fire", async () => {
  const alarmed = await aStory();
  addTrigger(alarmed);
  const previewOf = async (story: Story | undefined, triggers: "fire" | "skip") => {
    const { ctx, params } = await ready(story);
    const { lines, undo } = await mergeRows.preview(ctx, { ...params, triggers });
    return [lines.filter((line) => /trigger/i.test(line)), undo?.includes("triggers")];
  };
  expect(await previewOf(undefined, "fire")).toEqual([[], false]);
  const skipped = ["Triggers do not fire; parents are looked for in each batch."];
  expect(await previewOf(undefined, "skip")).toEqual([skipped, false]);
  expect(await previewOf(alarmed, "fire")).toEqual([
    ["1 trigger of yours will fire for the rows; what they do has no way back."],
    true,
  ]);
});

test("previews from the rescue area where no check was handed over, and says how many stay out", async () => {
  const { ctx, params, incident } = await ready();
  await incident.remake(2);
  const preview = await mergeRows.preview(ctx, { ...params, checked: undefined });
  expect(preview.counts).toEqual({ insert: 13 });
  expect(preview.lines[0]).toContain("INSERT 6 rows in 3 batches; 1 row stays out: 1 made again since");
});

test("says of a table whose rows are all back that nothing is left to do", async () => {
  const { ctx, params } = await ready();
  await runAction(mergeRows, ctx, params);
  const { lines } = await mergeRows.preview(ctx, params);
  expect(lines.slice(0, 2)).toEqual([
    "public.orders: all 7 rows are back already; nothing to do",
    "public.lines: all 7 rows are back already; nothing to do",
  ]);
});

test("counts by its markers what is written, and previews after a stop only the batches that are left", async () => {
  const { ctx, params, server, incident } = await ready();
  await incident.remake(2);
  server.faults.push({ when: "rolled-back", key: "merge:public.lines" });
  await expect(mergeRows.run(ctx, params)).rejects.toMatchObject({ record: { after: "rolled-back" } });
  const counted = mergeRows.written?.(mergeRows.params.parse(params), await ctx.markers(), ctx.step);
  expect(counted).toEqual({
    rows: 6,
    done: 7,
    total: 14,
    unit: "rows",
    tables: [{ table: "public.orders", rows: 6 }],
  });
  const more = { ...ctx, limits: { ...ctx.limits, batchRows: 2 } };
  const begun = {
    ...more,
    markers: async () => [{ key: "merge:public.lines", result: { inserted: 2, left: 1, batches: 1 } } as never],
  };
  const { lines } = await mergeRows.preview(begun, params);
  expect(lines[1]).toBe("public.lines: INSERT 7 rows in 2 batches");
});

test("counts parts that were merged side by side together, and no other table's and no sequence's marker", async () => {
  const { params } = await ready();
  const part = (key: string, inserted: number) => ({ key, result: { inserted, left: 0, batches: 1 } }) as never;
  const markers = [
    part("merge:public.orders/part-1-of-2", 2),
    part("merge:public.orders/part-2-of-2", 3),
    part('merge:public."orders/part-1"', 40),
    part("merge:public.orders_old", 50),
    { key: "merge:public.orders/sequences", result: [], done: true } as never,
  ];
  expect(mergeRows.written?.(mergeRows.params.parse(params), markers, "merge")).toMatchObject({ rows: 5, done: 5 });
});

test("puts back what was lost, parents first, in batches, as previewed", async () => {
  const { ctx, params, incident } = await ready();
  const preview = await mergeRows.preview(ctx, params);
  const result = await runAction<any>(mergeRows, ctx, params);
  expect(result).toMatchObject({ inserted: preview.counts.insert, left: 0 });
  expect(result.tables.map((one: any) => [one.table, one.inserted, one.batches])).toEqual([
    ["public.orders", 7, 3],
    ["public.lines", 7, 3],
  ]);
  expect(await incident.content()).toEqual(incident.before);
});

test("tells only what is committed", async () => {
  const { ctx, params, server } = await ready();
  server.faults.push({ when: "rolled-back", key: "merge:public.lines" });
  ctx.told.length = 0;
  await expect(mergeRows.run(ctx, params)).rejects.toMatchObject({ record: { after: "rolled-back" } });
  expect(ctx.told.at(-1)).toMatchObject({ done: 7, total: 14, unit: "rows" });
  expect(ctx.told.map((one) => one.done)).toEqual([0, 3, 6, 7, 7]);
});

test.each(["before-commit", "after-commit", "rolled-back"] as const)(
  "inserts each row once when it runs again after a fault %s in any batch",
  async (when) => {
    const { ctx, params, server, incident } = await ready();
    let faults = 0;
    for (let attempt = 0; ; attempt += 1) {
      if (attempt < 6)
        server.faults.push({ when, key: attempt % 2 === 0 ? "merge:public.orders" : "merge:public.lines" });
      const result = await runAction<any>(mergeRows, ctx, params).catch((error: unknown) => {
        expect(error).toBeInstanceOf(Fault);
        faults += 1;
        return null;
      });
      server.faults.length = 0;
      if (result === null) continue;
      expect(result).toMatchObject({ inserted: 14, left: 0 });
      break;
    }
    expect(faults).toBeGreaterThan(1);
    expect(await incident.content()).toEqual(incident.before);
  },
);

test("never overwrites a row that was made again, and counts it as left", async () => {
  const { ctx, params, incident } = await ready();
  await incident.remake(4);
  const result = await runAction<any>(mergeRows, ctx, params);
  expect(result).toMatchObject({ inserted: 13, left: 1 });
  expect((await incident.content()).filter((line) => line.includes("made again"))).toHaveLength(1);
});

test("fires triggers or leaves them alone, as it was told", async () => {
  for (const [triggers, fired] of [
    ["fire", 7],
    ["skip", 0],
  ] as const) {
    const story = await aStory();
    addTrigger(story);
    const { ctx, params, server } = await ready(story);
    await runAction(mergeRows, ctx, { ...params, triggers });
    expect(server.read((state) => state.tables["public.orders"]?.fired.mail ?? 0)).toBe(fired);
  }
});

test("moves sequences forward only", async () => {
  const { ctx, params, server } = await ready();
  server.change((state) => {
    for (const table of Object.values(state.tables)) table.sequence = 3;
  });
  const result = await runAction<any>(mergeRows, ctx, params);
  expect(result.tables[0].sequences).toEqual([{ sequence: "public.orders.id", from: "3", to: "10" }]);
  expect((await runAction<any>(mergeRows, ctx, params)).tables[0].sequences).toEqual(result.tables[0].sequences);
});

test("asks about triggers by name, without a default, only where there are any", async () => {
  const [plain, alarmed] = [await aStory(), await aStory()];
  addTrigger(alarmed);
  const choicesOf = async (story: Story) => {
    const rescue = await rescued(story);
    return listTriggers.choices?.(await runAction<any>(listTriggers, story.ctx, { rescue })) ?? [];
  };
  const none = await choicesOf(plain);
  expect(none.map((one) => [one.value, one.data, one.tags])).toEqual([["none", "fire", ["default", "fire", "skip"]]]);
  const asked = await choicesOf(alarmed);
  expect(asked.map((one) => [one.value, one.data, one.tags])).toEqual([
    ["skip", "skip", []],
    ["fire", "fire", []],
  ]);
  for (const choice of asked)
    expect(choice.details.join()).toContain("public.orders: mail, AFTER INSERT, calls send_mail()");
  // A setting of our session alone: nobody may think that the whole server stops looking.
  expect(asked[0]?.details.at(-1)).toMatch(/^For our session alone .* all others are checked as always\.$/);
});

test("takes the safety copy before the merge: every key that will be inserted", async () => {
  const { ctx, params, server } = await ready();
  const preview = await copyTable.preview(ctx, params);
  const result = await runAction<any>(copyTable, ctx.at("safety"), params);
  expect(result).toEqual(preview.expects);
  expect(result).toMatchObject({ keys: 14, overwritten: 0 });
  const area = server.read((state) => state.areas[params.rescue.area]);
  expect(area?.["public.orders"]?.safety?.keys).toEqual(["1", "2", "3", "4", "5", "6", "7"]);
});

test("proves the merge row by row", async () => {
  const { ctx, params } = await ready();
  await runAction(mergeRows, ctx, params);
  const proof = await runAction<any>(verifyMerge, ctx, params);
  expect(proof).toMatchObject({ rescued: 14, equal: 14, different: 0, absent: 0 });
  expect(await verifyMerge.verify?.(ctx, params, proof)).toMatchObject([{ level: "ok" }, { level: "ok" }]);
});

test("does not prove a merge of which a row is missing without a reason", async () => {
  const { ctx, params, server } = await ready();
  await runAction(mergeRows, ctx, params);
  remove(server, "public.orders", ["2"]);
  await expect(runAction(verifyMerge, ctx, params)).rejects.toMatchObject({
    record: { code: "HF-VERIFY-ABSENT", exit: "not-proved", still: expect.stringContaining("rescue area") },
  });
});

test.each([
  ["HF-VERIFY-COUNT", { rescued: 6 }],
  ["HF-VERIFY-SUM", { equal: 6 }],
])("does not prove a comparison that does not add up: %s", async (code, lie) => {
  const { ctx, params } = await ready();
  await runAction(mergeRows, ctx, params);
  const merge = ctx.capability("merge");
  const verify: typeof merge.verify = async (...args) =>
    (await merge.verify(...args)).map((one) => ({ ...one, ...lie }));
  const capability = ((name: "merge") =>
    name === "merge" ? { ...merge, verify } : ctx.capability(name)) as typeof ctx.capability;
  await expect(verifyMerge.run({ ...ctx, capability }, params)).rejects.toMatchObject({
    record: { code, exit: "not-proved" },
  });
});

test.each([
  ["another table whose name looks like a part", 'merge:public."x:public.t/part-"/part-1-of-2'],
  ["another step that ends in the table's name", "merge:a:public.t/part-1-of-2"],
])("a marker of %s says nothing of this table's parts", async (_what, key) => {
  const { ctx } = await ready();
  const other = { ...ctx, markers: async () => [{ key } as never] };
  const request = { run: ctx.run, table: "public.t", triggers: "fire" as const };
  expect(await partsOf(other, request, 1000)).toEqual([{ item: "public.t", after: 0, upTo: null }]);
});
