import { expect, test } from "vitest";
import { freezeEvidence } from "../../src/actions/freeze-evidence.ts";
import { vacuum } from "../../src/engines/memory/traffic.ts";
import { runAction } from "../support/action-context.ts";
import { aStory, frozen } from "../support/rescue.ts";

test("takes the lease that keeps the rows before any other", async () => {
  const story = await aStory();
  await frozen(story);
  expect(story.ctx.taken.map((one) => one.lease.kind)).toEqual(["row-pin", "vacuum-off", "vacuum-off"]);
  expect(story.ctx.taken.every((one) => one.status === "taken")).toBe(true);
});

test("names the table and what its foreign keys reach as its result", async () => {
  const story = await aStory();
  expect(await frozen(story)).toEqual({ table: "public.orders", tables: ["public.orders", "public.lines"], leases: 3 });
});

test("locks the table only when it is asked to", async () => {
  const { ctx, incident } = await aStory();
  await runAction(freezeEvidence, ctx, { table: incident.table, lockTable: true });
  expect(ctx.taken.at(-1)?.lease.kind).toBe("table-lock");
});

test("previews each kind of lease with what it costs, how each is given back by hand, and takes none", async () => {
  const { ctx, incident, server } = await aStory({ dryRun: true });
  const preview = await freezeEvidence.preview(ctx, { table: incident.table });
  expect(preview.lines.join("\n")).toMatch(/cost: vacuum can't remove/);
  expect(preview.lines.join("\n")).toMatch(/no autovacuum on public\.\w+ \(also \w+ public\.\w+\)/);
  expect(preview.statements?.filter((line) => line.includes("by hand: "))).toHaveLength(3);
  expect(preview.counts).toEqual({ tables: 2, leases: 3 });
  expect(preview.expects).toEqual({ table: "public.orders", tables: ["public.orders", "public.lines"], leases: 0 });
  expect(server.read((state) => state.holds)).toEqual({});
});

test("names in the first lines of its preview who must not be ended before the hold stands, and says nothing where nobody holds", async () => {
  const { ctx, incident } = await aStory({ dryRun: true });
  const evidence = ctx.capability("evidence");
  const lines = async (holders?: readonly string[]) => {
    const examine = async (table: string) => ({ ...(await evidence.examine(table)), ...(holders && { holders }) });
    const capability = ((name: "evidence") =>
      name === "evidence" ? { ...evidence, examine } : ctx.capability(name)) as typeof ctx.capability;
    return (await freezeEvidence.preview({ ...ctx, capability }, { table: incident.table })).lines;
  };
  const one = "session pid 4711, nightly-report, till, since 2026-11-21T03:01:12Z";
  expect((await lines([one]))[0]).toBe(`DO NOT END the ${one}, until the hold stands: it keeps the rows now.`);
  expect((await lines(["a", "b", "c", "d", "e"]))[3]).toBe("Nor 2 others that the check names.");
  expect((await lines()).join()).not.toContain("DO NOT END");
});

test("fails when a hold does not hold, and says that nothing was changed", async () => {
  const { ctx, incident, server } = await aStory();
  const lease: typeof ctx.lease = async (part) => {
    const taken = await ctx.lease(part);
    server.change((state) => void delete state.holds[`row-pin ${taken.lease.name}`]);
    return taken;
  };
  await expect(freezeEvidence.run({ ...ctx, lease }, { table: incident.table })).rejects.toMatchObject({
    record: { code: "HF-FREEZE-NOT-HELD", still: expect.stringContaining("No row was read or changed") },
  });
});

test("is probed as absent, partial or done by what the server still holds", async () => {
  const story = await aStory();
  const probe = async () => (await freezeEvidence.probe?.(story.ctx, { table: story.incident.table }))?.finding;
  expect(await probe()).toBe("absent");
  await frozen(story);
  expect(await probe()).toBe("done");
  story.server.change((state) => void delete state.holds[Object.keys(state.holds)[0] ?? ""]);
  expect(await probe()).toBe("partial");
});

test("probes a lease that was only intended as missing, so that it is journaled when taken again", async () => {
  const story = await aStory();
  await frozen(story);
  const leases = () => story.ctx.leases().map((one, at) => (at === 0 ? { ...one, status: "intended" as const } : one));
  const probed = await freezeEvidence.probe?.({ ...story.ctx, leases }, { table: story.incident.table });
  expect(probed?.finding).toBe("partial");
});

test("keeps the rows from a vacuum that comes after it, and nothing keeps them without it", async () => {
  const [held, bare] = [await aStory(), await aStory()];
  await frozen(held);
  for (const { server } of [held, bare]) vacuum(server, "public.orders");
  expect(held.server.read((state) => state.tables["public.orders"]?.dead.length)).toBe(7);
  expect(bare.server.read((state) => state.tables["public.orders"]?.dead.length)).toBe(0);
});
