import { describe, expect, test } from "vitest";
import { findBadStatement } from "../../src/actions/find-bad-statement.ts";
import type { Search } from "../../src/actions/shapes.ts";
import { faultRecord, type FaultRecord } from "../../src/core/errors.ts";
import { remove, removeOpen, vacuum } from "../../src/engines/memory/traffic.ts";
import { type HandMade, runAction } from "../support/action-context.ts";
import { aStory, found, frozen, tagged } from "../support/rescue.ts";

const at = (time: string) => ({ at: `2026-11-21T${time}Z`, who: "cleaner" });

async function searched(story: Awaited<ReturnType<typeof aStory>>, more: object = {}): Promise<Search> {
  return runAction<Search>(findBadStatement, story.ctx, { table: story.incident.table, ...more });
}

test("finds the statement with its rows per table, and tags the largest", async () => {
  const statement = await found(await aStory());
  expect(statement).toMatchObject({ rows: 14, kind: "one", who: "admin-shell" });
  expect(statement.tables).toEqual([
    { table: "public.orders", rows: 7 },
    { table: "public.lines", rows: 7 },
  ]);
});

test("labels a statement by time, rows and transaction", async () => {
  const story = await aStory();
  const search = await searched(story);
  const [choice] = findBadStatement.choices?.(search) ?? [];
  expect(choice?.label).toMatch(/^2026-11-21 02:51:17Z {2}DELETE {2}14 rows {2}xid \d+$/);
  expect(choice?.details).toEqual([
    "public.orders 7, public.lines 7",
    "by admin-shell; its SQL is not in the evidence",
  ]);
  const [unknown] =
    findBadStatement.choices?.({
      ...search,
      statements: search.statements.map((one) => ({ ...one, who: null, at: null })),
    }) ?? [];
  expect(unknown?.details).toEqual([
    "public.orders 7, public.lines 7",
    "the server does not know when it committed",
    "by whom, and its SQL: not in the evidence",
  ]);
});

test("names the tables that went with their whole file, and no number of rows that nobody counted", async () => {
  const search = await searched(await aStory());
  const whole = (kind: "rewrite" | "drop") => {
    const statements = search.statements.map((one) => ({
      ...one,
      kind,
      rows: 0,
      tables: one.tables.map(({ table }) => ({ table, rows: 0 })),
    }));
    return findBadStatement.choices?.({ ...search, statements })[0];
  };
  expect(whole("rewrite")?.label).toMatch(/^2026-11-21 02:51:17Z {2}TRUNCATE or rewrite {2}xid \d+$/);
  for (const kind of ["rewrite", "drop"] as const)
    expect(whole(kind)?.details[0]).toBe("all rows of public.orders, public.lines");
});

test("calls no DELETE the largest beside the loss of a whole file, whose rows nobody has counted", async () => {
  const search = await searched(await aStory());
  const [deleted] = search.statements as [Search["statements"][number]];
  const whole = (kind: "rewrite" | "drop", xid: string) =>
    ({ ...deleted, kind, value: `${kind}:${xid}`, transactions: [xid], rows: 0 }) as const;
  const choicesOf = (...statements: Search["statements"]) =>
    findBadStatement.choices?.({ ...search, statements }) ?? [];
  const named = (choices: ReturnType<typeof choicesOf>, tag: string) =>
    choices.filter(({ tags }) => tags.includes(tag)).map(({ value }) => value);
  expect(named(choicesOf(deleted), "largest")).toEqual([deleted.value]);
  for (const kind of ["rewrite", "drop"] as const) {
    const choices = choicesOf(deleted, whole(kind, "900"));
    expect(named(choices, "largest")).toEqual([]);
    expect(named(choices, kind)).toEqual([`${kind}:900`]);
    expect(choices[1]?.details.at(-1)).toContain(
      kind === "rewrite" ? "(TRUNCATE), or none (VACUUM FULL)" : "if it dropped this table",
    );
    // Two of them have no such name: it would be a guess which one is meant.
    expect(named(choicesOf(deleted, whole(kind, "900"), whole(kind, "901")), kind)).toEqual([]);
    expect(named(choicesOf(whole(kind, "900")), "largest")).toEqual([]);
  }
});

describe("a statement of which nobody can tell how much it took", () => {
  const listedWith = async (...numbers: readonly { readonly rows: number; readonly most?: number }[]) => {
    const search = await searched(await aStory());
    const [one] = search.statements as [Search["statements"][number]];
    const statements = numbers.map((counts, nth) => ({
      ...one,
      ...counts,
      value: String(900 + nth),
      transactions: [String(900 + nth)],
      tables: [{ table: "public.orders", ...counts }],
    }));
    return { search: { ...search, statements }, choices: findBadStatement.choices?.({ ...search, statements }) ?? [] };
  };
  const largest = ({ choices }: Awaited<ReturnType<typeof listedWith>>) =>
    choices.filter(({ tags }) => tags.includes("largest")).map(({ value }) => value);

  test("shows the least and the most, of each table too", async () => {
    const { choices } = await listedWith({ rows: 246, most: 1000 }, { rows: 0, most: 50 }, { rows: 1 });
    expect(choices.map(({ label }) => /DELETE.*rows?(?= )/.exec(label)?.[0])).toEqual([
      "DELETE  246 to 1,000 rows",
      "DELETE  up to 50 rows",
      "DELETE  1 row",
    ]);
    expect(choices.map(({ details }) => details[0])).toEqual([
      "public.orders 246 to 1,000",
      "public.orders up to 50",
      "public.orders 1",
    ]);
  });

  test("is the largest only where no other may be larger, and says why none is", async () => {
    expect(largest(await listedWith({ rows: 0, most: 50 }))).toEqual(["900"]);
    expect(largest(await listedWith({ rows: 246, most: 1000 }, { rows: 200 }))).toEqual(["900"]);
    expect(largest(await listedWith({ rows: 246 }, { rows: 0, most: 246 }))).toEqual(["900"]);
    const unsure = await listedWith({ rows: 246 }, { rows: 0, most: 247 });
    expect(largest(unsure)).toEqual([]);
    expect(unsure.choices[1]?.details.at(-1)).toContain("may have taken as many as 247 rows");
  });

  test("keeps both numbers where the operator puts several together", async () => {
    const { search } = await listedWith({ rows: 246, most: 1000 }, { rows: 4 }, { rows: 0, most: 50 });
    expect(findBadStatement.writtenChoice?.(search, "900+901+902")?.data).toMatchObject({
      rows: 250,
      most: 1054,
      tables: [{ table: "public.orders", rows: 250, most: 1054 }],
    });
    expect(findBadStatement.writtenChoice?.(search, "901")?.data).not.toHaveProperty("most");
  });
});

test("reads no row of the table by SQL: dead rows outlive the search without a freeze", async () => {
  const story = await aStory();
  await searched(story);
  expect(story.server.read((state) => state.tables["public.orders"]?.dead.length)).toBe(7);
});

test("narrows the pin to the oldest candidate as soon as the search ends", async () => {
  const story = await aStory();
  const statement = await found(story);
  const [pin] = story.ctx.taken;
  expect(pin?.facts).toEqual({ xmin: Number(statement.transactions[0]) });
  expect(pin?.lease.words).toContain(statement.transactions[0]);
});

test("changes no lease in a dry run", async () => {
  const story = await aStory({ dryRun: true });
  await frozen(story);
  await searched(story);
  expect(story.ctx.taken[0]?.facts).toEqual({ xmin: 1 });
});

test("says what to try when there is nothing to find", async () => {
  const story = await aStory();
  await expect(searched(story, { until: "2001-01-01T00:00:00Z" })).rejects.toMatchObject({
    record: { code: "HF-STATEMENT-NONE", hint: expect.stringContaining("since") },
  });
  vacuum(story.server, "public.orders");
  vacuum(story.server, "public.lines");
  await expect(searched(story)).rejects.toMatchObject({
    record: {
      message: expect.stringContaining("14 row versions had been removed"),
      hint: expect.stringContaining("backup"),
    },
  });
});

describe("where nothing is found", () => {
  const why =
    "The log since the base backup could not be searched: /backup holds no backup_label: it is no base backup.";
  const named = "Under backup.base the config names a copy of the data folder.";

  async function refused(search: object, { dryRun = false, ...more }: { dryRun?: boolean; until?: string } = {}) {
    const story = await aStory({ dryRun });
    const none = { table: "public.orders", tables: [], statements: [], oldest: null, pruned: 0, pagesRead: 0 };
    const evidence = {
      ...story.ctx.capability("evidence"),
      search: async () => ({ ...none, findings: [], ...search }),
    };
    const ctx: HandMade = { ...story.ctx, capability: () => evidence as never };
    const fault = await runAction(findBadStatement, ctx, { table: "public.orders", tables: [], ...more }).catch(
      (error: unknown) => faultRecord(error),
    );
    return fault as FaultRecord;
  }

  test("says why the backup that is named could not be used, and does not tell to name one", async () => {
    const findings = [{ level: "warn", text: why, hint: named }];
    const { code, message, hint } = await refused({ findings, hasBackup: true });
    expect([code, message]).toEqual([
      "HF-STATEMENT-NONE",
      `No transaction that took rows from public.orders was found. ${why}`,
    ]);
    expect(hint).toContain(`${named} Then resume: this run searches anew`);
    expect(hint).not.toMatch(/name one|begin anew/);
    const bounded = await refused({ findings, hasBackup: true }, { until: "2001-01-01T00:00:00Z" });
    expect([bounded.message, bounded.hint]).toEqual([expect.stringContaining(why), expect.stringContaining(named)]);
  });

  test("tells to name a backup where none is, and an older one where one was searched; the same run goes on", async () => {
    const without = await refused({});
    expect(without.hint).toMatch(
      /name one for the target in holdfast\.yaml \(backup:\), then resume: this run searches/,
    );
    const searched = await refused({ hasBackup: true, findings: [{ level: "ok", text: "3 GB were searched." }] });
    expect(searched.message).not.toContain("3 GB");
    expect(searched.hint).toMatch(/only an older one has its rows: name that there \(backup:\), then resume/);
    for (const { hint } of [without, searched]) expect(hint).not.toContain("begin anew");
    expect((await refused({}, { dryRun: true })).hint).toMatch(/then start the dry run again\.$/);
  });
});

test("offers an open transaction as not committed", async () => {
  const story = await aStory();
  removeOpen(story.server, "public.orders", ["9"], { who: "psql" });
  const open = findBadStatement.choices?.(await searched(story)).find((one) => one.value.startsWith("open:"));
  expect(open?.label).toMatch(/^not committed/);
  expect(open?.details.join()).toContain("ending it brings its rows back");
});

describe("a loop of small DELETEs", () => {
  async function looped() {
    const story = await aStory({}, { rows: 30, taken: 3 });
    const xids = [10, 12, 14, 16].map((id, nth) =>
      remove(story.server, "public.orders", [String(id), String(id + 1)], at(`03:00:0${nth}`)),
    );
    return { search: await searched(story), xids };
  }

  test("is offered as one group with the sum, and the group is the largest", async () => {
    const { search, xids } = await looped();
    const largest = tagged(findBadStatement.choices?.(search), "largest");
    expect(largest.data).toMatchObject({ kind: "group", rows: 16, transactions: xids });
    expect(largest.label).toContain("4 transactions");
  });

  test("answers to the id of each of its transactions by that one alone", async () => {
    const { search, xids } = await looped();
    const choices = findBadStatement.choices?.(search) ?? [];
    for (const xid of xids) {
      const named = choices.filter((one) => one.value === xid || one.tags.includes(xid));
      expect(named.map((one) => one.data)).toMatchObject([{ kind: "one", transactions: [xid] }]);
    }
  });

  test("can be put together by ids or by a range of time", async () => {
    const { search, xids } = await looped();
    const written = (text: string) => findBadStatement.writtenChoice?.(search, text)?.data;
    expect(written(`${xids[0]}+${xids[2]}`)).toMatchObject({
      kind: "group",
      rows: 8,
      transactions: [xids[0], xids[2]],
    });
    const range = "2026-11-21T03:00:01Z..2026-11-21T03:00:02Z";
    expect(written(range)).toMatchObject({
      rows: 8,
      tables: [{ rows: 4 }, { rows: 4 }],
      until: "2026-11-21T03:00:02Z",
    });
    expect(written(`${xids[1]}`)).toMatchObject({ kind: "one", rows: 4 });
  });

  test("is not put together from something that was not found", async () => {
    const { search, xids } = await looped();
    for (const text of [`${xids[0]}+99999`, "2030-01-01T00:00:00Z..2030-01-02T00:00:00Z", "now..then", "largest", ""]) {
      expect(findBadStatement.writtenChoice?.(search, text) ?? null).toBeNull();
    }
  });
});

test("says what is uncounted with the statement, also of one that the operator put together, and tells what the search noticed", async () => {
  const story = await aStory();
  remove(story.server, story.incident.table, ["10"]);
  const search = await searched(story);
  const uncounted = "row versions that were vacuumed";
  const doubtful = { ...search, statements: search.statements.map((one) => ({ ...one, uncounted })) };
  const [choice] = findBadStatement.choices?.(doubtful) ?? [];
  expect(choice?.details).toContain(`NOT COUNTED: ${uncounted}`);
  const all = search.statements.flatMap(({ transactions }) => transactions).join("+");
  expect(findBadStatement.writtenChoice?.(doubtful, all)?.details).toContain(`NOT COUNTED: ${uncounted}`);
  const noticed = [{ level: "warn", text: "the log breaks off" } as const];
  const params = { table: story.incident.table };
  expect(await findBadStatement.verify?.(story.ctx, params, { ...search, findings: noticed })).toEqual(noticed);
});

test("stops where since is later than until, and lets them be the same", async () => {
  const { ctx, incident } = await aStory();
  const [early, late] = ["2026-11-21T02:00:00Z", "2026-11-21T03:00:00Z"];
  const checked = (since: string, until: string) =>
    findBadStatement.check(ctx, { table: incident.table, since, until });
  expect(await checked(late, early)).toMatchObject([{ level: "stop", text: expect.stringContaining("is later than") }]);
  expect(await checked(early, early)).toEqual([]);
  expect(await checked(early, late)).toEqual([]);
});
