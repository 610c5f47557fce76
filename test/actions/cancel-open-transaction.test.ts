import { expect, test } from "vitest";
import { cancelOpenTransaction } from "../../src/actions/cancel-open-transaction.ts";
import { findBadStatement } from "../../src/actions/find-bad-statement.ts";
import type { ChosenPath, Search, Statement } from "../../src/actions/shapes.ts";
import { surveyRecoveryPaths } from "../../src/actions/survey-recovery-paths.ts";
import { removeOpen } from "../../src/engines/memory/traffic.ts";
import { runAction } from "../support/action-context.ts";
import { aStory, tagged } from "../support/rescue.ts";

async function opened() {
  const story = await aStory({}, { rows: 10, taken: 1 });
  removeOpen(story.server, "public.orders", ["5", "6", "7"], { who: "psql, ops_j", at: "2026-11-21T02:00:00Z" });
  const search = await runAction<Search>(findBadStatement, story.ctx, { table: "public.orders" });
  const statement = tagged(findBadStatement.choices?.(search), "largest").data as Statement;
  const survey = await runAction<any>(surveyRecoveryPaths, story.ctx, { statement });
  const path = tagged(surveyRecoveryPaths.choices?.(survey), "recommended").data as unknown as ChosenPath;
  return { ...story, params: { statement, path } };
}

test("is the recommended way while the transaction is open, and ends instead of rescuing", async () => {
  const { params } = await opened();
  expect(params.path).toMatchObject({ path: "open-transaction", ends: true, rescues: false });
});

test("previews whose transaction it is, its age and its rows", async () => {
  const { ctx, params } = await opened();
  const preview = await cancelOpenTransaction.preview(ctx, params);
  expect(preview.lines.join("\n")).toMatch(
    /whose: psql, ops_j\nage: open since 2026-11-21T02:00:00Z, about .*\nrows it has taken: public.orders 3, public.lines 3/,
  );
  expect(preview.counts).toEqual({ transactions: 1 });
});

test("ends it, and every row is there", async () => {
  const { ctx, params, server } = await opened();
  const result = await runAction<any>(cancelOpenTransaction, ctx, params);
  expect(result).toMatchObject({ rows: 6, ended: expect.stringContaining(params.statement.transactions[0] ?? "?") });
  expect(server.read((state) => state.open)).toEqual({});
  expect(Object.keys(server.read((state) => state.tables["public.orders"]?.rows) ?? {})).toHaveLength(9);
  expect(await cancelOpenTransaction.verify?.(ctx, params, result)).toMatchObject([{ level: "ok" }]);
});

test("is probed by whether the transaction is still open", async () => {
  const { ctx, params } = await opened();
  expect(await cancelOpenTransaction.probe?.(ctx, params)).toMatchObject({ finding: "absent" });
  await runAction(cancelOpenTransaction, ctx, params);
  expect(await cancelOpenTransaction.probe?.(ctx, params)).toMatchObject({ finding: "done", result: { rows: 6 } });
});

test("stops at its check when the transaction has gone by itself", async () => {
  const { ctx, params, server } = await opened();
  expect(await cancelOpenTransaction.check(ctx, params)).toMatchObject([{ level: "ok" }]);
  server.change((state) => Object.keys(state.open).forEach((xid) => delete state.open[xid]));
  expect(await cancelOpenTransaction.check(ctx, params)).toMatchObject([{ level: "stop" }]);
});
