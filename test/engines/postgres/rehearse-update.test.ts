import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../../src/core/clock.ts";
import { connect } from "../../../src/engines/postgres/connection.ts";
import { postgresRehearsals } from "../../../src/engines/postgres/rehearse/rehearsals.ts";

const quiet = { progress: () => undefined, output: () => undefined };

async function bench() {
  const scratch = mkdtempSync(path.join(os.tmpdir(), "hf-ru-"));
  chmodSync(scratch, 0o711);
  const rehearsals = postgresRehearsals({ scratch, name: "drill", serverBinaries: {}, clock: systemClock });
  const rehearsal = await rehearsals.begin({ rows: 3000, incident: "update" });
  onTestFinished(async () => {
    await rehearsal.end("remove");
    rmSync(scratch, { recursive: true, force: true });
  });
  await rehearsal.seed(quiet);
  const session = await connect({
    url: rehearsal.url(),
    application: "test",
    effect: "writing",
    settings: { session_replication_role: "replica" },
  });
  onTestFinished(() => session.close());
  return { rehearsal, session };
}

const names = "id, public_id, customer_id, status, created_at, updated_at, total, placed_from, labels, details, note";
const changed = "status, total, updated_at";

/** The former row of every UPDATE, with its transaction: customers are at work before the incident too. */
const keepFormer = [
  `create table public.aside as select pg_current_xact_id() as tx, ${names} from public.orders limit 0`,
  `create function public.keep_former() returns trigger language plpgsql as
     $$ begin insert into public.aside select pg_current_xact_id(), ${names.replaceAll(/\w+/gu, "old.$&")}; return new; end $$`,
  "create trigger keep_former before update on public.orders for each row execute function public.keep_former()",
];
const theIncident = "(select tx from public.aside group by tx order by count(*) desc limit 1)";

test("an UPDATE without its WHERE changes every order and nothing else", async () => {
  const { rehearsal, session } = await bench();
  const { rows: orders } = await session.row("counting", "select count(*) as rows from public.orders");
  const incident = await rehearsal.incident();
  expect(incident).toMatchObject({ kind: "update", table: "public.orders", rows: Number(orders) });
  const spoiled = await rehearsal.compare();
  expect(spoiled.tables.find(({ table }) => table === "public.orders")).toMatchObject({
    different: Number(orders),
    missing: 0,
    unexpected: 0,
  });
  const others = spoiled.tables.filter(({ table }) => table !== "public.orders");
  expect(others.every(({ missing, different, unexpected }) => missing + different + unexpected === 0)).toBe(true);
});

test("what customers changed and called off after it stays as they left it, and the proof wants just that", async () => {
  const { rehearsal, session } = await bench();
  for (const statement of keepFormer) await session.run("keeping former rows", statement);
  const traffic = await rehearsal.traffic();
  const incident = await rehearsal.incident();
  const gone = `select c.key from holdfast_rehearsal.changes c join public.aside a on a.id = c.key and a.tx = ${theIncident}
    where c.tab = 'public.orders' and c.hash is null`;
  const kept = "select key from holdfast_rehearsal.changes where tab = 'public.orders' and hash is not null";
  const count = async (keys: string) =>
    Number((await session.row("counting", `select count(*) as n from (${keys})`)).n);
  const changedSince = `${kept} and at > to_timestamp(${incident.at} / 1000.0) and key in (select id from public.aside where tx = ${theIncident})`;
  await expect.poll(() => count(gone), { timeout: 60_000 }).toBeGreaterThan(1);
  await expect.poll(() => count(changedSince), { timeout: 60_000 }).toBeGreaterThan(1);
  await traffic.stop();
  expect(await count(kept)).toBeGreaterThan(0);
  await session.run(
    "bringing back what nobody touched since",
    `update public.orders o set (${changed}) = (select ${changed} from public.aside a where a.id = o.id and a.tx = ${theIncident})
     where o.xmin = ${theIncident}::xid`,
  );
  expect(await rehearsal.compare()).toMatchObject({ equal: true });

  await session.run(
    "bringing back what was called off",
    `insert into public.orders (${names}) select ${names} from public.aside where tx = ${theIncident} and id = (${gone} limit 1)`,
  );
  const proof = await rehearsal.compare();
  // It is as it was before the UPDATE: wrong, unless somebody decided so.
  expect(proof).toMatchObject({ equal: false });
  expect(proof.tables.find(({ table }) => table === "public.orders")).toMatchObject({
    unexpected: 1,
    missing: 0,
    putBack: 1,
    setBack: 0,
  });
  await session.run(
    "setting back what somebody changed since",
    `update public.orders o set (${names}) = (select ${names} from public.aside a where a.id = o.id and a.tx = ${theIncident})
     where o.id = (${changedSince} order by key limit 1)`,
  );
  const setBack = await rehearsal.compare();
  const ofOrders = { table: "public.orders", different: 1, setBack: 1, unexpected: 1, putBack: 1 };
  expect(setBack.tables).toContainEqual(expect.objectContaining(ofOrders));
  await session.run(
    "and as it never was",
    `update public.orders set total = -1 where id = (${changedSince} order by key limit 1)`,
  );
  expect((await rehearsal.compare()).tables).toContainEqual(expect.objectContaining({ ...ofOrders, setBack: 0 }));
});
