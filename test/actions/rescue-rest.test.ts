import { expect, test } from "vitest";
import { offerCloneBeside } from "../../src/actions/offer-clone-beside.ts";
import { prepareTarget } from "../../src/actions/prepare-target.ts";
import { rescueRest } from "../../src/actions/rescue-rest.ts";
import { rescueRows } from "../../src/actions/rescue-rows.ts";
import type { Rescue } from "../../src/actions/shapes.ts";
import { startClone } from "../../src/actions/start-clone.ts";
import { Fault } from "../../src/core/errors.ts";
import type { Evidence, PathOption, RecoveredTable, Statement } from "../../src/engines/evidence.ts";
import { backUp, remove, vacuum } from "../../src/engines/memory/traffic.ts";
import { offered } from "../contract/bench.ts";
import { type HandMade, runAction } from "../support/action-context.ts";
import { aStory, frozen, tagged } from "../support/rescue.ts";

function chosen(paths: readonly PathOption[], name: string) {
  return { ...offered(paths.find(({ path }) => path === name)), statement: "1", ends: false };
}

/** 7 orders of 10 and their lines were deleted, and the lines vacuumed away, before the faster way rescued what was left. */
async function halfRescued() {
  const story = await aStory({}, { rows: 10, taken: 0 });
  backUp(story.server);
  remove(story.server, "public.orders", ["1", "2", "3", "4", "5", "6", "7"]);
  vacuum(story.server, "public.lines");
  const { table, tables } = await frozen(story);
  const evidence = story.ctx.capability("evidence");
  const search = await evidence.search({ table, tables }, story.ctx);
  const statement = search.statements[0] as Statement;
  const paths = await evidence.paths(statement, story.ctx);
  const named = (name: string) => chosen(paths, name);
  const path = named("dead-rows");
  const offer = await runAction<any>(offerCloneBeside, story.ctx.at("beside"), { statement, path, paths });
  const beside = tagged(offerCloneBeside.choices?.(offer), "clone").data as any;
  await runAction(prepareTarget, story.ctx.at("prepare"), {});
  await runAction(startClone, story.ctx.at("start-clone"), { statement, beside });
  const rescue = await runAction<Rescue>(rescueRows, story.ctx.at("rescue"), { statement, path, beside });
  return { ...story, ctx: story.ctx.at("rescue-rest"), offer, params: { statement, path, beside, rescue } };
}

/** The same run, with the clone's word on its rows bent. */
function lying(
  ctx: HandMade,
  bend: (table: RecoveredTable) => RecoveredTable,
  line = (text: string) => text,
): HandMade {
  const evidence = ctx.capability("evidence");
  const bent: Evidence = {
    ...evidence,
    begin: () => undefined,
    recover: async (...args) => {
      const recovered = await evidence.recover(...args);
      const lines = async (table: string) => {
        const chunks: Buffer[] = [];
        for await (const chunk of await recovered.rows(table)) chunks.push(Buffer.from(chunk as Uint8Array));
        return (await import("node:stream")).Readable.from([Buffer.from(line(Buffer.concat(chunks).toString()))]);
      };
      return { ...recovered, rows: lines, tables: recovered.tables.map(bend) };
    },
  };
  const capability = ((name: "evidence") =>
    name === "evidence" ? bent : ctx.capability(name)) as typeof ctx.capability;
  return { ...ctx, capability };
}

test("offers the clone where it has more, with what it costs, and says what is left out without it", async () => {
  const { offer, params } = await halfRescued();
  expect(offer).toMatchObject({ rows: 7, short: 7, unknown: 0 });
  const [clone, none] = offerCloneBeside.choices?.(offer) ?? [];
  expect([clone?.value, clone?.tags, none?.value, none?.tags]).toEqual(["clone", ["recommended"], "none", ["default"]]);
  expect(clone?.details.join(" ")).toContain("7 rows more that the statement took");
  expect(clone?.details.join(" ")).toContain("needs: room for the whole backup");
  expect(none?.details.join(" ")).toContain("a new run that takes the path clone");
  const closed = offerCloneBeside.choices?.({ ...offer, clone: null }) ?? [];
  expect(closed.map(({ value, data }) => [value, data])).toEqual([["none", { starts: false }]]);
  expect(params.beside).toMatchObject({ starts: true, path: { path: "clone" } });
});

test("adds what is missing, gives the clone back, and gives the same again after a kill without building another", async () => {
  const { ctx, params, server } = await halfRescued();
  const rest = await runAction<any>(rescueRest, ctx, params);
  expect(rest).toMatchObject({ rows: 14, added: 7, differing: 0, apart: 0 });
  expect(server.read(({ holds }) => Object.values(holds).map(({ kind }) => kind))).not.toContain("clone");
  server.cloning = () => Promise.reject(new Error("it was built again"));
  const never = lying(ctx, (table) => table);
  expect(await runAction(rescueRest, { ...never, capability: ctx.capability }, params)).toEqual(rest);
  const [area] = server.read((state) => Object.values(state.areas));
  expect(area?.["public.lines"]?.rows).toHaveLength(7);
});

test("says before it adds them how many rows a statement took at most that only the clone can tell of", async () => {
  const { ctx, params } = await halfRescued();
  expect((await rescueRest.preview(ctx, params)).summary).toMatch(/^Add 7 rows from the clone/);
  const { summary, lines } = await rescueRest.preview(ctx, { ...params, statement: { ...params.statement, most: 50 } });
  expect(summary).toMatch(/^Add 7 to 43 rows from the clone/);
  expect(lines).toContain("up to 36 rows more: which of them it took is told when the clone stands");
});

test("keeps nothing of any table where another count comes than the clone told of", async () => {
  const { ctx, params, server } = await halfRescued();
  const one = (table: RecoveredTable) => (table.table === "public.lines" ? { ...table, rows: table.rows + 1 } : table);
  await expect(rescueRest.run(lying(ctx, one), params)).rejects.toMatchObject({ record: { code: "HF-RESCUE-COUNT" } });
  const [area] = server.read((state) => Object.values(state.areas));
  expect([area?.["public.orders"]?.rows.length, area?.["public.lines"]?.rows.length]).toEqual([7, 0]);
  expect(await ctx.markers()).toEqual([]);
});

test("a row that the two tell differently is kept as the faster way has it, counted, and warned of", async () => {
  const { ctx, params, server } = await halfRescued();
  const note = server.read((state) => Object.values(state.areas)[0]?.["public.orders"]?.rows[0]?.row.note);
  const bent = lying(
    ctx,
    (table) => table,
    (text) => text.replace(/^1\t.*$/m, "1\tanother"),
  );
  const rest = await runAction<any>(rescueRest, bent, params);
  expect(rest).toMatchObject({ rows: 14, added: 7, differing: 1 });
  const kept = server.read((state) => Object.values(state.areas)[0]?.["public.orders"]?.rows[0]?.row.note);
  expect(kept).toBe(note);
  const findings = (await rescueRest.verify?.(ctx, params, rest)) ?? [];
  expect(findings.find(({ text }) => text.includes("other values"))).toMatchObject({
    level: "warn",
    hint: expect.stringContaining("report it"),
  });
});

test("of a group the clone has the newest version of a row that was put back and taken again: the older one gives way", async () => {
  const { ctx, params, server } = await halfRescued();
  const group = { ...params, statement: { ...params.statement, kind: "group" as const } };
  const bent = lying(
    ctx,
    (table) => table,
    (text) => text.replace(/^1\t.*$/m, "1\tnewer"),
  );
  const rest = await runAction<any>(rescueRest, bent, group);
  expect(rest).toMatchObject({ rows: 14, differing: 1 });
  const area = server.read((state) => Object.values(state.areas)[0]?.["public.orders"]?.rows ?? []);
  expect(area.map(({ ordinal, row }) => [ordinal, row.id, row.note === "newer"])[0]).toEqual([1, "1", true]);
  const findings = (await rescueRest.verify?.(ctx, group, rest)) ?? [];
  expect(findings.filter(({ level }) => level !== "ok").map(({ level, text }) => [level, text])).toEqual([
    ["note", "1 rescued row gave way to a newer version that the clone has"],
  ]);
});

test("a rescued row that the clone does not know is warned of too, and so is what neither has", async () => {
  const { ctx, params } = await halfRescued();
  const fewer = (table: RecoveredTable) => (table.table === "public.orders" ? { ...table, rows: 6 } : table);
  const bent = lying(ctx, fewer, (text) => text.replace(/^7\t.*\n/m, ""));
  const rest = await runAction<any>(rescueRest, bent, params);
  expect(rest).toMatchObject({ rows: 14, apart: 1 });
  const more = { ...params, statement: { ...params.statement, rows: 15 } };
  const findings = (await rescueRest.verify?.(ctx, more, rest)) ?? [];
  const warned = findings.filter(({ level }) => level === "warn").map(({ text }) => text);
  expect(warned).toEqual([
    "1 of the 15 rows that it took are in neither",
    "1 rescued row of the faster way are not in the clone",
  ]);
});

test("what becomes of the clone is told with what is safe, and with the way on", async () => {
  const { ctx, params } = await halfRescued();
  await ctx.capability("evidence").recover(params.statement, "clone", ctx.run, ctx); // the head start is used up
  const failed = (fault: Fault) => {
    const failing: Evidence = {
      ...ctx.capability("evidence"),
      begin: () => undefined,
      recover: () => Promise.reject(fault),
    };
    const capability = ((name: "evidence") =>
      name === "evidence" ? failing : ctx.capability(name)) as typeof ctx.capability;
    return expect(rescueRest.run({ ...ctx, capability }, params)).rejects;
  };
  await failed(new Fault("HF-TEST-ROOM", "no room", { hint: "Make room, then retry." })).toMatchObject({
    record: {
      code: "HF-TEST-ROOM",
      still: expect.stringContaining("are in the rescue area"),
      hint: expect.stringMatching(/^Make room, then retry\..*--choose beside=none/),
    },
  });
  // Its own hint would give the run up, and with it the rows that wait in the rescue area.
  const refused = new Fault("HF-TEST-NO", "not this one", { exit: "refused", hint: "Begin anew." });
  await failed(refused).toMatchObject({ record: { code: "HF-TEST-NO", wayOn: "leave" } });
});

test("what only another try would need is given back when the clone's rows are durable, and not before", async () => {
  const { ctx, params } = await halfRescued();
  const asked: string[] = [];
  const evidence = (step: string): Evidence => ({
    ...ctx.capability("evidence"),
    spent: async () => (asked.push(step), []),
  });
  const watched = (step: string) => {
    const at = ctx.at(step);
    const capability = ((name: "evidence") =>
      name === "evidence" ? evidence(step) : at.capability(name)) as typeof ctx.capability;
    return { ...at, capability };
  };
  await rescueRows.run(watched("rescue"), params);
  expect(asked).toEqual([]);
  await rescueRest.run(watched("rescue-rest"), params);
  expect(asked).toEqual(["rescue-rest"]);
  await rescueRows.run(watched("rescue"), { ...params, beside: { starts: false } });
  expect(asked).toEqual(["rescue-rest", "rescue"]);
});

test("with nothing left for the faster way, the clone alone fills the area", async () => {
  const story = await aStory({}, { rows: 10, taken: 0 });
  backUp(story.server);
  remove(story.server, "public.orders", ["1", "2"]);
  const { table, tables } = await frozen(story);
  const evidence = story.ctx.capability("evidence");
  const statement = (await evidence.search({ table, tables }, story.ctx)).statements[0] as Statement;
  const paths = await evidence.paths(statement, story.ctx);
  const named = (name: string) => chosen(paths, name);
  const beside = { starts: true, path: named("clone") };
  await runAction(prepareTarget, story.ctx.at("prepare"), {});
  story.server.change((state) => Object.keys(state.holds).forEach((hold) => delete state.holds[hold]));
  for (const name of tables) vacuum(story.server, name);
  const given = { statement, path: named("dead-rows"), beside };
  await runAction(startClone, story.ctx.at("start-clone"), given);
  const rescue = await runAction<Rescue>(rescueRows, story.ctx.at("rescue"), given);
  expect(rescue.rows).toBe(0);
  const rest = await runAction<any>(rescueRest, story.ctx.at("rescue-rest"), { ...given, rescue });
  expect(rest).toMatchObject({ rows: 4, added: 4 });
});
