import { afterAll, beforeAll, expect, test } from "vitest";
import { newDeleter } from "../../../../src/engines/postgres/evidence/search/scan.ts";
import { sortDeleters } from "../../../../src/engines/postgres/evidence/search/deleters.ts";
import { fullXid, nextXid } from "../../../../src/engines/postgres/evidence/xid.ts";
import { startTestServer, type TestServer } from "../../../support/postgres.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.end());

test("a transaction of traffic that began after the search did is left out, and does not end the search", async () => {
  const session = await server.connect("postgres");
  const next = await nextXid(session);
  const { xid } = await session.row("writing", "select pg_current_xact_id()::text as xid");
  const since = fullXid(Number(xid), next);
  expect(since).toBeLessThan(0); // a fresh server is in its first round
  const changed = { ...newDeleter(since), replaced: 1, replacedIn: new Map([["public.t", 1]]) };
  const took = { ...newDeleter(since - 1), ended: new Map([["public.t", 1]]) };
  const deleters = new Map([changed, took].map((one) => [one.xid, one] as const));
  expect(await sortDeleters(session, deleters, next)).toMatchObject({ commits: [], open: [], oldest: null });
  await session.close();
});
