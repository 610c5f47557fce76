import type { Proof, ProvedTable } from "../../rehearse.ts";
import type { Connection } from "../connection.ts";
import { type ShopTable, shopTables } from "./shop.ts";

/** A schema of ours on the rehearsed server: what every row was, and what traffic made of it since. A change without a hash: it is gone. */
export const truthDdl: readonly string[] = [
  "create schema holdfast_rehearsal",
  "create table holdfast_rehearsal.noted (tab text not null, key bigint not null, hash bigint not null)",
  `create table holdfast_rehearsal.changes (tab text not null, key bigint not null, hash bigint,
    at timestamptz not null default clock_timestamp(), primary key (tab, key))`,
  "create table holdfast_rehearsal.before_incident (tab text not null, key bigint not null, hash bigint, primary key (tab, key))",
];

/** Every column in the server's own text. */
const hash = "hashtextextended(t::text, 0)";

export async function noteTruth(session: Connection): Promise<void> {
  for (const { table, key } of shopTables)
    await session.run(
      "noting what is there",
      `insert into holdfast_rehearsal.noted select $1, ${key}, ${hash} from ${table} t`,
      [table],
    );
}

/** What traffic had made of the rows up to now, which its next changes overwrite. */
export async function noteBeforeIncident(session: Connection): Promise<void> {
  await session.run(
    "noting what the incident will meet",
    "insert into holdfast_rehearsal.before_incident select tab, key, hash from holdfast_rehearsal.changes",
  );
}

/** Within the transaction of a change: what the rows are now. `where` is over `t` and `$2`. */
export async function noteChange(session: Connection, table: ShopTable, where: string, value: string): Promise<void> {
  await session.run(
    "noting a change",
    `insert into holdfast_rehearsal.changes (tab, key, hash) select $1, ${table.key}, ${hash} from ${table.table} t where ${where}
     on conflict (tab, key) do update set hash = excluded.hash, at = clock_timestamp()`,
    [table.table, value],
  );
}

/** Before rows are deleted, within the same transaction: they are not to come back. */
export async function noteGone(session: Connection, table: ShopTable, where: string, value: string): Promise<void> {
  await session.run(
    "noting what goes",
    `insert into holdfast_rehearsal.changes (tab, key, hash) select $1, ${table.key}, null from ${table.table} t where ${where}
     on conflict (tab, key) do update set hash = null, at = clock_timestamp()`,
    [table.table, value],
  );
}

/** One snapshot per table; a change and its note became visible together, so it does not matter that traffic goes on. */
export async function compareTruth(session: Connection): Promise<Proof> {
  const tables: ProvedTable[] = [];
  for (const table of shopTables) tables.push(await compareTable(session, table));
  return { tables, equal: tables.every(isEqual) };
}

function isEqual({ missing, different, unexpected, byTriggers, digests }: ProvedTable): boolean {
  return missing + different + unexpected - byTriggers === 0 && digests.noted === digests.found;
}

const digest = (which: string) =>
  `coalesce(lpad(to_hex(mod(sum(${which}::numeric), 9223372036854775807)::bigint), 16, '0'), 'empty')`;

/** Only the audit's rows can be written by a trigger: those of orders that were there before, written since the truth was noted. */
const triggerWrote = `n.tab = 'public.order_audit' and e.key is null and n.about in
  (select key from holdfast_rehearsal.noted where tab = 'public.orders')`;

async function compareTable(session: Connection, { table, key }: ShopTable): Promise<ProvedTable> {
  const about = table === "public.order_audit" ? "t.order_id" : "null::bigint";
  const row = await session.row(
    "comparing with what was noted",
    `with now as materialized (select $1::text as tab, ${key} as key, ${hash} as hash, ${about} as about from ${table} t),
       changed as (select key, hash from holdfast_rehearsal.changes where tab = $1),
       former as (select key, case when b.key is null then o.hash else b.hash end as hash from
         (select key, hash from holdfast_rehearsal.noted where tab = $1) o full join
         (select key, hash from holdfast_rehearsal.before_incident where tab = $1) b using (key)),
       expected as (
         select o.key, o.hash, false as traffic from holdfast_rehearsal.noted o where o.tab = $1 and o.key not in (select key from changed)
         union all select key, hash, true from changed where hash is not null)
     select count(e.key) as expected, count(*) filter (where e.traffic) as by_traffic,
       count(*) filter (where n.key is null) as missing, count(*) filter (where e.key is null) as unexpected,
       count(*) filter (where n.hash <> e.hash) as different, count(*) filter (where ${triggerWrote}) as by_triggers,
       count(*) filter (where n.hash = f.hash and n.hash <> e.hash) as set_back,
       count(*) filter (where n.hash = f.hash and e.key is null) as put_back,
       ${digest("case when not e.traffic then e.hash end")} as noted, ${digest("case when not e.traffic then n.hash end")} as found
     from now n full join expected e using (key) left join former f using (key)`,
    [table],
  );
  const n = (name: string) => Number(row[name]);
  return {
    table,
    expected: n("expected"),
    byTraffic: n("by_traffic"),
    missing: n("missing"),
    different: n("different"),
    unexpected: n("unexpected"),
    byTriggers: n("by_triggers"),
    setBack: n("set_back"),
    putBack: n("put_back"),
    digests: { noted: row.noted ?? "", found: row.found ?? "" },
  };
}
