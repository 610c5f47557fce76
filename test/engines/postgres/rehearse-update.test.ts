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

const columns = "status, total, updated_at";

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
  await session.run("aside", "create table public.aside as select * from public.orders");
  const traffic = await rehearsal.traffic();
  await rehearsal.incident();
  const asked = () =>
    session.row(
      "asking",
      `select count(*) filter (where hash is null and tab = 'public.orders') as gone,
         count(*) filter (where hash is not null and tab = 'public.orders') as kept from holdfast_rehearsal.changes`,
    );
  await expect.poll(async () => Number((await asked()).gone), { timeout: 60_000 }).toBeGreaterThan(1);
  await traffic.stop();
  expect(Number((await asked()).kept)).toBeGreaterThan(0);
  const since = "(select key from holdfast_rehearsal.changes where tab = 'public.orders')";
  const back = `update public.orders o set (${columns}) = (select ${columns} from public.aside a where a.id = o.id) where o.id`;
  await session.run("bringing back what nobody touched since", `${back} not in ${since}`);
  expect(await rehearsal.compare()).toMatchObject({ equal: true });

  const order = "(select key from holdfast_rehearsal.changes where tab = 'public.orders' and hash is null limit 1)";
  const names = "id, public_id, customer_id, status, created_at, updated_at, total, placed_from, labels, details, note";
  await session.run(
    "bringing back what was called off",
    `insert into public.orders (${names}) select ${names} from public.aside where id = ${order}`,
  );
  const proof = await rehearsal.compare();
  expect(proof.equal).toBe(false);
  expect(proof.tables.find(({ table }) => table === "public.orders")).toMatchObject({ unexpected: 1, missing: 0 });
});
