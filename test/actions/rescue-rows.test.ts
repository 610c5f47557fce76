import { expect, test } from "vitest";
import { rescueRows } from "../../src/actions/rescue-rows.ts";
import { prepareTarget } from "../../src/actions/prepare-target.ts";
import { findBadStatement } from "../../src/actions/find-bad-statement.ts";
import type { ChosenPath, Rescue, Search, Statement } from "../../src/actions/shapes.ts";
import { surveyRecoveryPaths } from "../../src/actions/survey-recovery-paths.ts";
import { insert, remove, vacuum } from "../../src/engines/memory/traffic.ts";
import { runAction } from "../support/action-context.ts";
import { aStory, frozen, rescued, surveyed, tagged } from "../support/rescue.ts";

async function prepared() {
  const story = await aStory();
  const params = await surveyed(story);
  await runAction(prepareTarget, story.ctx.at("prepare"), {});
  return { ...story, params, ctx: story.ctx.at("rescue") };
}

test("previews exactly the rows that it then rescues, and writes nothing for it", async () => {
  const { ctx, params, server } = await prepared();
  const preview = await rescueRows.preview(ctx, params);
  expect(server.read((state) => state.areas)).toEqual({});
  const rescue = await runAction<Rescue>(rescueRows, ctx, params);
  const expects = preview.expects as unknown as Rescue;
  expect(preview.counts).toEqual({ rows: 14 });
  expect(rescue.rows).toBe(14);
  expect(rescue.tables.map((one) => ({ ...one, bytes: null, digest: null }))).toEqual(expects.tables);
  expect(rescue.area).toBe(expects.area);
});

test("previews how much it stores, where, and that the same is written to files that only this account can read", async () => {
  const { ctx, params } = await prepared();
  const last = async (folder?: string) => {
    const area = ctx.capability("rescueArea");
    const capability = ((name: "rescueArea") =>
      name === "rescueArea" && folder !== undefined
        ? { ...area, folder: () => folder }
        : ctx.capability(name)) as typeof ctx.capability;
    const preview = await rescueRows.preview({ ...ctx, capability }, params);
    return [preview.bytes, preview.lines.find((line) => line.includes("stored in"))] as const;
  };
  const [bytes, words] = await last();
  expect(bytes).toBeGreaterThan(0);
  expect(words).toMatch(/^about [\d.]+ K?B, stored in \w+ on the server$/);
  expect((await last("/var/tmp/here"))[1]).toMatch(/; the same once more in files here, mode 0600: \/var\/tmp\/here$/);
});

test("names what a clone may bring beyond what is sure, and nothing of it for a path that has counted all", async () => {
  const { ctx, params } = await prepared();
  const statement = { ...params.statement, most: params.statement.rows + 20 };
  const sure = await rescueRows.preview(ctx, { ...params, statement });
  expect(sure.summary).toMatch(/^Bring 14 rows into/);
  const evidence = ctx.capability("evidence");
  const counting = { ...evidence, count: () => evidence.count(statement, params.path.path, ctx) };
  const capability = ((name: "evidence") =>
    name === "evidence" ? counting : ctx.capability(name)) as typeof ctx.capability;
  const path = { ...params.path, path: "clone" };
  const { summary, lines } = await rescueRows.preview({ ...ctx, capability }, { ...params, path, statement });
  expect(summary).toMatch(/^Bring 14 to 34 rows into/);
  expect(lines).toContain("up to 20 rows more: which of them it took is told when the clone stands");
});

test("names no number of rows for tables that went with their whole file, and says that it is not known", async () => {
  const { ctx, params } = await prepared();
  const tables = ["public.orders", "public.lines"].map((table) => ({ table, rows: 0 }));
  const statement = { ...params.statement, kind: "rewrite", rows: 0, tables } as const;
  const preview = await rescueRows.preview(ctx, { ...params, statement });
  expect(preview).toMatchObject({
    summary: expect.stringMatching(/^Bring all rows that 2 tables had just before it into the rescue area/),
    lines: [
      "public.orders: all rows",
      "public.lines: all rows",
      expect.stringMatching(/^Their size is known once they are read, stored in \w+ on the server$/),
    ],
    counts: { tables: 2 },
    incomplete: expect.stringContaining("counted when they are read"),
  });
  expect(preview.expects).toBeUndefined(); // a dry run ends here rather than go on with a guess
});

test("tells what is lost and what was left out as warnings, and nothing of them where there is none", async () => {
  const { ctx, params } = await prepared();
  const rescue = await runAction<Rescue>(rescueRows, ctx, params);
  const warnings = async (counts: object) => {
    const tables = rescue.tables.map((table) => ({ ...table, ...counts }));
    const found = (await rescueRows.verify?.(ctx, params, { ...rescue, tables })) ?? [];
    return found.filter(({ level }) => level === "warn").map(({ text }) => text);
  };
  expect(await warnings({})).toEqual([]);
  expect((await warnings({ lost: 3, unknown: 1 })).slice(0, 2)).toEqual([
    "public.orders: 3 rows lost",
    "public.orders: 1 row version left out, since nobody can tell whether the statement took it",
  ]);
});

test("keeps the rescue area as a lease, and gives the scratch server back at once", async () => {
  const story = await aStory();
  await rescued(story);
  const status = (kind: string) => story.ctx.taken.find((one) => one.lease.kind === kind)?.status;
  expect(status("scratch-server")).toBe("released");
  expect(status("rescue-area")).toBe("taken");
  expect(status("row-pin")).toBe("taken");
});

test("gives the same result again without a second row when it runs again after a kill", async () => {
  const { ctx, params, server } = await prepared();
  const first = await runAction<Rescue>(rescueRows, ctx, params);
  expect(await runAction<Rescue>(rescueRows, ctx, params)).toEqual(first);
  const area = server.read((state) => state.areas[first.area]);
  expect(area?.["public.orders"]?.rows).toHaveLength(7);
});

test("keeps nothing of a table of which another count came than was said", async () => {
  const { ctx, params, server } = await prepared();
  const evidence = ctx.capability("evidence");
  const lying = {
    ...evidence,
    recover: async (...args: Parameters<typeof evidence.recover>) => {
      const true_ = await evidence.recover(...args);
      return { ...true_, tables: true_.tables.map((one) => ({ ...one, rows: one.rows + 1 })) };
    },
  };
  const capability = ((name: "evidence") =>
    name === "evidence" ? lying : ctx.capability(name)) as typeof ctx.capability;
  await expect(rescueRows.run({ ...ctx, capability }, params)).rejects.toMatchObject({
    record: { code: "HF-RESCUE-COUNT" },
  });
  const [area] = server.read((state) => Object.values(state.areas));
  expect(area?.["public.orders"]?.rows).toEqual([]);
  expect(await ctx.markers()).toEqual([]);
});

test("says what can't come back, and stops when nothing is left", async () => {
  const { ctx, params, server } = await prepared();
  server.change((state) => Object.keys(state.holds).forEach((hold) => delete state.holds[hold]));
  vacuum(server, "public.orders");
  expect((await rescueRows.preview(ctx, params)).lines.join()).toContain("7 of the 14 rows");
  vacuum(server, "public.lines");
  await expect(rescueRows.run(ctx, params)).rejects.toMatchObject({ record: { code: "HF-RESCUE-EMPTY" } });
});

test("warns of a lost pin and goes on: what is left is worth more the sooner it is taken", async () => {
  const { ctx, params, server } = await prepared();
  server.change((state) => Object.keys(state.holds).forEach((hold) => delete state.holds[hold]));
  const findings = await rescueRows.check(ctx, params);
  expect(findings.length).toBeGreaterThan(0);
  expect(findings.map((one) => one.level)).not.toContain("stop");
  expect(findings[0]?.level).toBe("warn");
});

test("leaves out what the transaction itself had made, and counts it", async () => {
  const story = await aStory({}, { rows: 3, taken: 1 });
  const xid = insert(story.server, "public.orders", [{ id: "77", note: "never seen" }]);
  const other = remove(story.server, "public.orders", ["77"], { who: "x" });
  const statement = {
    ...(await surveyed(story)).statement,
    transactions: [xid, other],
    tables: [{ table: "public.orders", rows: 1 }],
  };
  const [counted] = await story.ctx.capability("evidence").count(statement, "dead-rows", story.ctx);
  expect(counted).toMatchObject({ rows: 0, own: 1 });
});

test("shows rows as they become durable", async () => {
  const { ctx, params } = await prepared();
  await runAction(rescueRows, ctx, params);
  expect(ctx.told.filter((one) => one.unit === "rows").map((one) => [one.done, one.total])).toEqual([
    [0, 14],
    [7, 14],
    [14, 14],
  ]);
});

test("tells how far it is, by table", async () => {
  const { ctx, params } = await prepared();
  const told: (string | undefined)[] = [];
  await rescueRows.run(
    { ...ctx, progress: ({ note, done }) => told.push(note === undefined ? `${done}` : note) },
    params,
  );
  expect(told).toEqual(["public.orders, table 1 of 2", "public.lines, table 2 of 2", "14"]);
});

test("a row that a group took twice comes back once, and its older version is counted before and after", async () => {
  const story = await aStory({}, { rows: 30, taken: 3 });
  const { ctx, server } = story;
  const { table, tables } = await frozen(story);
  const first = remove(server, table, ["10", "11"]);
  insert(server, table, [{ id: "10", note: "put back" }]);
  const second = remove(server, table, ["10"]);
  const search = await runAction<Search>(findBadStatement, ctx.at("statement"), { table, tables });
  const statement = findBadStatement.writtenChoice?.(search, `${second}+${first}`)?.data as Statement;
  const survey = await runAction<any>(surveyRecoveryPaths, ctx.at("path"), { statement });
  const path = tagged(surveyRecoveryPaths.choices?.(survey), "recommended").data as unknown as ChosenPath;
  await runAction(prepareTarget, ctx.at("prepare"), {});
  const { lines } = await rescueRows.preview(ctx.at("rescue"), { statement, path });
  expect(lines[0]).toBe("public.orders: 2 rows; 1 older version of a row that it took again, left out");
  expect(lines.join()).not.toContain("can't come back");
  const rescue = await runAction<Rescue>(rescueRows, ctx.at("rescue"), { statement, path });
  expect(rescue.tables[0]).toMatchObject({ rows: 2, older: 1 });
  const held = server.read((state) => state.areas[rescue.area]?.[table]?.rows.map(({ row }) => row["note"]));
  expect(held).toContain("put back");
  const findings = (await rescueRows.verify?.(ctx, { statement, path }, rescue)) ?? [];
  expect(findings).toContainEqual({ level: "note", text: expect.stringContaining("1 older version left out") });
});

test("says that rows may be missing which nobody could count, until a clone that is to come has counted them", async () => {
  const told = async (uncounted: object, more: object) => {
    const { ctx, params } = await prepared();
    const wanted = { ...params, statement: { ...params.statement, ...uncounted }, ...more };
    const { expects } = await rescueRows.preview(ctx, wanted);
    const rescue = await runAction<Rescue>(rescueRows, ctx, wanted);
    expect((expects as unknown as Rescue).uncounted).toBe(rescue.uncounted);
    const findings = (await rescueRows.verify?.(ctx, wanted, rescue)) ?? [];
    return findings.filter(({ level }) => level === "warn").map(({ text }) => text);
  };
  const doubt = { uncounted: "row versions that were vacuumed" };
  expect(await told(doubt, {})).toEqual(["NOT COUNTED: row versions that were vacuumed"]);
  expect(await told(doubt, { beside: { starts: false } })).toEqual(["NOT COUNTED: row versions that were vacuumed"]);
  expect(await told(doubt, { beside: { starts: true } })).toEqual([]);
  expect(await told({}, {})).toEqual([]);
});
