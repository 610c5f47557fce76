import { expect, test } from "vitest";
import { offerKeep } from "../../src/actions/offer-keep.ts";
import { prepareTarget } from "../../src/actions/prepare-target.ts";
import { releaseLeases } from "../../src/actions/release-leases.ts";
import { Fault } from "../../src/core/errors.ts";
import { runAction } from "../support/action-context.ts";
import { aStory, frozen, rescued } from "../support/rescue.ts";

test("gives everything back, newest first, so that what holds the evidence goes last", async () => {
  const story = await aStory();
  await rescued(story);
  const order: string[] = [];
  const releaseLease: typeof story.ctx.releaseLease = async (lease) => {
    order.push(lease.lease.kind);
    await story.ctx.releaseLease(lease);
  };
  const result = await releaseLeases.run({ ...story.ctx, releaseLease }, { keep: "drop" });
  expect(order).toEqual(["rescue-area", "vacuum-off", "vacuum-off", "row-pin"]);
  expect(result).toEqual({ released: 4, kept: 0, keptUntil: null });
  expect(story.server.read((state) => [state.holds, state.areas])).toEqual([{}, {}]);
});

test("keeps for a day what may be kept, when asked to or wished before", async () => {
  for (const [keepRescue, keep] of [
    [false, "keep"],
    [true, "drop"],
  ] as const) {
    const story = await aStory({ keepRescue });
    await rescued(story);
    const before = Date.now();
    expect(await runAction<any>(releaseLeases, story.ctx, { keep })).toMatchObject({ released: 3, kept: 1 });
    const kept = story.ctx.taken.filter((one) => one.status === "kept");
    expect(kept.map((one) => one.lease.kind)).toEqual(["rescue-area"]);
    expect((kept[0]?.keptUntil ?? 0) - before).toBeGreaterThanOrEqual(86_400_000);
    expect(story.server.read((state) => Object.keys(state.areas))).toHaveLength(1);
    expect(story.server.read((state) => state.holds)).toEqual({});
  }
});

test("does nothing the second time", async () => {
  const story = await aStory();
  await frozen(story);
  await runAction(releaseLeases, story.ctx, {});
  expect(await runAction(releaseLeases, story.ctx, {})).toEqual({ released: 0, kept: 0, keptUntil: null });
});

test("gives the others back when one can't be, and names it with what to do by hand", async () => {
  const story = await aStory();
  await frozen(story);
  const releaseLease: typeof story.ctx.releaseLease = async (lease) => {
    if (lease.lease.kind === "vacuum-off") throw new Fault("HF-TEST", "no right to");
    await story.ctx.releaseLease(lease);
  };
  await expect(releaseLeases.run({ ...story.ctx, releaseLease }, {})).rejects.toMatchObject({
    record: { code: "HF-LEASE-NOT-RELEASED", cause: expect.stringMatching(/no right to. By hand: release vacuum-off/) },
  });
  expect(story.ctx.leases().map((one) => one.lease.kind)).toEqual(["vacuum-off", "vacuum-off"]);
});

test("stops while rescued rows are not proved to be back", async () => {
  const { ctx } = await aStory();
  expect(await releaseLeases.check(ctx, { rescued: 14 })).toMatchObject([{ level: "stop" }]);
  expect(await releaseLeases.check(ctx, { rescued: 14, proved: 14 })).toEqual([]);
  expect(await releaseLeases.check(ctx, {})).toEqual([]);
});

test("asks nothing, since giving back was part of each lease", () => {
  expect(releaseLeases.confirmed).toBe("with-its-leases");
});

test("offers to keep only what may be kept, puts what loses nothing first, and drops where nobody can be asked", async () => {
  const story = await aStory();
  const choices = async () => offerKeep.choices?.(await runAction<any>(offerKeep, story.ctx, {})) ?? [];
  await frozen(story);
  expect((await choices()).map((one) => one.value)).toEqual(["drop"]);
  await rescued(story);
  const [keep, drop] = await choices();
  expect([drop?.value, drop?.tags, keep?.value, keep?.tags]).toEqual(["drop", ["default"], "keep", []]);
  expect(keep?.details.join()).toContain("the rescued rows");
  expect(drop?.details).toEqual([
    "After this the merge can NOT be taken back.",
    expect.stringMatching(/^Dropped now, with its files: holdfast_\w+$/),
  ]);
  expect(keep?.label).toBe("keep it: loses nothing, and YOU drop it later");
});

test("says that nothing drops what is kept by itself, by which command you do, and until when Holdfast counts on it", async () => {
  const story = await aStory();
  await rescued(story);
  const before = Date.now();
  const [keep] = offerKeep.choices?.(await runAction<any>(offerKeep, story.ctx, {})) ?? [];
  const words = keep?.details.join("\n") ?? "";
  expect(words).toMatch(/^Nothing and nobody drops it for you/);
  expect(words).toMatch(/^drop area \w+$/m); // alone on its line, so that it can be taken as it is
  const until = Date.parse(/counts on it until (\S+Z), and no longer/.exec(words)?.[1] ?? "");
  expect(until - before).toBeGreaterThan(86_400_000 - 5_000);
  expect(until - before).toBeLessThan(86_400_000 + 60_000);
});

test.each([
  ["is not there", { absent: 2 }],
  ["had its key used again since", { absent: 0, remade: 2 }],
  ["is not there, and another's key was used again", { absent: 1, remade: 1 }],
])("has no default where the only copy is that of a row which %s, unless keeping was wished", async (_what, params) => {
  for (const keepRescue of [false, true]) {
    const story = await aStory({ keepRescue });
    await rescued(story);
    const choices = offerKeep.choices?.(await runAction<any>(offerKeep, story.ctx, params)) ?? [];
    const seen = choices.map((one) => [one.value, one.tags]);
    expect(seen).toEqual(
      keepRescue
        ? [["keep", ["default"]]]
        : [
            ["keep", ["recommended"]],
            ["drop", []],
          ],
    );
    if (keepRescue) continue;
    expect(choices[0]?.details[0]).toBe("2 rescued rows are in no table: this is their only copy.");
    expect(choices[1]?.details[0]).toBe("2 rescued rows are in no table: this is their only copy, and it goes.");
    expect(choices[1]?.label).toBe("give everything back now, the only copy too");
  }
});

test("does not ask when keeping was wished beforehand", async () => {
  const story = await aStory({ keepRescue: true });
  await rescued(story);
  const choices = offerKeep.choices?.(await runAction<any>(offerKeep, story.ctx, {})) ?? [];
  expect(choices.map((one) => [one.value, one.tags])).toEqual([["keep", ["default"]]]);
});

test("makes the marker table once, and is probed by whether it is there", async () => {
  const { ctx, server } = await aStory();
  expect((await prepareTarget.preview(ctx, {})).counts).toEqual({ tables: 1 });
  expect(await prepareTarget.probe?.(ctx, {})).toMatchObject({ finding: "absent" });
  expect(await runAction(prepareTarget, ctx, {})).toEqual({ made: true });
  expect(await runAction(prepareTarget, ctx, {})).toEqual({ made: false });
  expect(await prepareTarget.probe?.(ctx, {})).toMatchObject({ finding: "done" });
  expect((await prepareTarget.preview(ctx, {})).counts).toEqual({ tables: 0 });
  expect(server.read((state) => state.markers)).toEqual({});
});

test("makes no marker table where none may be", async () => {
  const { ctx, server } = await aStory();
  server.change((state) => void (state.barred = "this server replicates from another"));
  expect(await prepareTarget.check(ctx, {})).toMatchObject([
    { level: "stop", text: "this server replicates from another" },
  ]);
  await expect(runAction(prepareTarget, ctx, {})).rejects.toMatchObject({
    record: { code: "HF-MARKER-BARRED", exit: "refused" },
  });
  expect(await prepareTarget.probe?.(ctx, {})).toMatchObject({ finding: "undecided" });
  expect(server.read((state) => state.markers)).toBeNull();
});
