import type { Statement } from "../../../../src/engines/evidence.ts";
import type { Connection } from "../../../../src/engines/postgres/connection.ts";
import type { TestServer } from "../../../support/postgres.ts";
import { copyOf } from "./scene.ts";

/** Mulberry32: the same histories on every machine. */
export function dice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % sides;
  };
}

export interface Wishes {
  readonly seed: number;
  /** The table's rows move between partitions. */
  readonly parts: boolean;
  /** A copy of the database with the same file numbers has a life of its own. */
  readonly twin: boolean;
  /** The log's files are gone up to the middle of the transaction. */
  readonly cut: boolean;
  /** Of the pages that the transaction emptied, how many are cleaned before anybody looks: none, some by reads, all by VACUUM. */
  readonly clean: "none" | "some" | "all";
  /** The table gets a new file before the transaction. */
  readonly rewritten: boolean;
}

export interface History {
  readonly table: string;
  readonly tables: readonly string[];
  readonly statement: Statement;
  /** COPY lines of the rows that were there before the transaction and not after it. */
  readonly expected: readonly string[];
}

const rowsAtFirst = 240;

/** One table, its traffic, the transaction, and more traffic. `database` has pg_walinspect in public. */
export async function history(server: TestServer, database: string, wishes: Wishes): Promise<History> {
  const { seed } = wishes;
  const table = `public.w${seed}`;
  const draws: Draws = { roll: dice(seed), fresh: 2000 };
  const { roll } = draws;
  let sql = await server.connect(database);
  await make(sql, table, wishes, roll);
  for (let nth = 0; nth < 12; nth += 1) await traffic(server, database, sql, table, draws);
  if (wishes.rewritten) await sql.run("", `VACUUM FULL ${table}`);
  if (roll(2) === 0) await sql.run("", "CHECKPOINT");
  if (wishes.twin) {
    await sql.close();
    await twin(server, database, seed, table);
    sql = await server.connect(database);
  }
  for (let nth = 0; nth < 4; nth += 1) await traffic(server, database, sql, table, draws);
  const before = await lines(sql, table);
  const other = await server.connect(database);
  const xid = await transaction(sql, other, table, wishes, roll);
  const after = new Set((await lines(sql, table)).map(idOf));
  await sql.run("", `UPDATE ${table} SET v = -1 WHERE id % 7 = 1`);
  await sql.run("", `DELETE FROM ${table} WHERE id % 11 = 3`);
  if (wishes.twin) await twinTraffic(server, seed, table);
  if (wishes.clean === "some") await sql.run("", `SELECT count(*) FROM ${table} WHERE v > -5`);
  if (wishes.clean === "all") await sql.run("", `VACUUM ${table}`);
  if (wishes.clean === "all")
    await sql.run("", `INSERT INTO ${table} SELECT n, n, 'late' FROM generate_series(5000, 5060) n`);
  const tables = wishes.parts ? [`${table}a`, `${table}b`] : [table];
  const statement = await statementOf(sql, xid, tables);
  await other.close();
  await sql.close();
  return { table, tables, statement, expected: before.filter((line) => !after.has(idOf(line))) };
}

async function make(sql: Connection, table: string, { parts }: Wishes, roll: (sides: number) => number) {
  const columns = "(id int, v int, note text, PRIMARY KEY (id, v))";
  const plain = columns.replace("(id, v)", "(id)");
  const fill = `WITH (fillfactor = ${40 + roll(60)})`;
  if (!parts) await sql.run("", `CREATE TABLE ${table} ${plain} ${fill}`);
  else {
    await sql.run("", `CREATE TABLE ${table} ${columns} PARTITION BY RANGE (v)`);
    await sql.run("", `CREATE TABLE ${table}a PARTITION OF ${table} FOR VALUES FROM (-1000) TO (150) ${fill}`);
    await sql.run("", `CREATE TABLE ${table}b PARTITION OF ${table} FOR VALUES FROM (150) TO (100000) ${fill}`);
  }
  await sql.run("", `INSERT INTO ${table} SELECT n, n, ${noteOf(roll)} FROM generate_series(1, ${rowsAtFirst}) n`);
}

/** Now and then long enough for TOAST. */
function noteOf(roll: (sides: number) => number): string {
  return `CASE WHEN n % ${5 + roll(40)} = 0 THEN (SELECT string_agg(md5((n * i)::text), '') FROM generate_series(1, 120) i) ELSE repeat(md5(n::text), n % 7) END`;
}

/** What one history draws from: nothing of it may hang on those before. */
interface Draws {
  readonly roll: (sides: number) => number;
  /** The next ids that no row has had. */
  fresh: number;
}

async function traffic(server: TestServer, database: string, sql: Connection, table: string, draws: Draws) {
  const { roll } = draws;
  const some = `id % ${2 + roll(9)} = ${roll(2)} AND id BETWEEN ${roll(rowsAtFirst)} AND ${roll(rowsAtFirst) + 100}`;
  draws.fresh += 10;
  switch (roll(10)) {
    case 0:
      return sql.run("", `DELETE FROM ${table} WHERE id % 13 = ${roll(13)}`);
    case 1:
      return sql.run(
        "",
        `INSERT INTO ${table} SELECT n, n % 300, ${noteOf(roll)} FROM generate_series(${draws.fresh}, ${draws.fresh + 9}) n`,
      );
    case 2:
      return sql.run("", `UPDATE ${table} SET note = left(note, ${roll(90)}) || 'u' WHERE ${some}`);
    case 3:
      return sql.run("", `UPDATE ${table} SET note = 'p' || left(note, 600) WHERE ${some}`);
    case 4:
      return sql.run("", `VACUUM ${table}`);
    case 5:
      return sql.run("", "CHECKPOINT");
    case 6:
      return sql.run("", `SELECT count(*), max(note) FROM ${table}`);
    case 7: {
      // A DELETE that is given up, and rows that are only locked.
      for (const one of [
        "BEGIN",
        `DELETE FROM ${table} WHERE ${some}`,
        "ROLLBACK",
        "BEGIN",
        `SELECT FROM ${table} WHERE id % 5 = 0 FOR UPDATE`,
        "COMMIT",
      ])
        await sql.run("", one);
      return;
    }
    case 8: {
      // Two at once: one locks, the other changes the same rows under it.
      const holder = await server.connect(database);
      await holder.run("", "BEGIN");
      await holder.run("", `SELECT FROM ${table} WHERE id % 6 = 1 FOR KEY SHARE`);
      await sql.run("", `UPDATE ${table} SET note = note || 'm' WHERE id % 6 = 1`);
      await holder.run("", "COMMIT");
      return holder.close();
    }
    default:
      return sql.run("", `UPDATE ${table} SET v = v + ${roll(40)} WHERE ${some}`);
  }
}

/** Random statements under random savepoints, some given up, beside another session that locks and inserts. */
async function transaction(
  sql: Connection,
  other: Connection,
  table: string,
  wishes: Wishes,
  roll: (sides: number) => number,
) {
  const savepoints: string[] = [];
  let own = 1000;
  await sql.run("", "BEGIN");
  const { xid } = await sql.row("", "SELECT pg_current_xact_id()::text AS xid");
  await other.run("", "BEGIN");
  await other.run("", `SELECT FROM ${table} WHERE id % 17 = 2 FOR KEY SHARE`);
  await sql.run("", `UPDATE ${table} SET note = note || 'k' WHERE id % 17 = 2 AND id % 2 = 0`);
  await other.run("", `INSERT INTO ${table} SELECT n, n % 300, 'beside' FROM generate_series(4010, 4030) n`);
  await other.run("", "COMMIT");
  for (let nth = 0; nth < 22; nth += 1) {
    const some = `id % ${2 + roll(9)} = ${roll(2)} AND id BETWEEN ${roll(rowsAtFirst)} AND ${roll(rowsAtFirst) + 120}`;
    if (wishes.cut && nth === 11) await cutLog(other);
    switch (roll(9)) {
      case 0:
        savepoints.push(`s${nth}`);
        await sql.run("", `SAVEPOINT s${nth}`);
        break;
      case 1:
        if (savepoints.length > 0) await sql.run("", `ROLLBACK TO ${savepoints.at(-1)}`);
        break;
      case 2:
        if (savepoints.length > 0) await sql.run("", `RELEASE ${savepoints.pop()}`);
        break;
      case 3:
        await sql.run(
          "",
          `INSERT INTO ${table} SELECT n, n % 300, ${noteOf(roll)} FROM generate_series(${own}, ${own + 9}) n`,
        );
        own += 10;
        break;
      case 4:
        await sql.run("", `SELECT FROM ${table} WHERE ${some} FOR KEY SHARE`);
        break;
      case 5:
        await sql.run("", `UPDATE ${table} SET note = note || repeat('y', ${roll(300)}) WHERE ${some}`);
        break;
      case 6:
        await sql.run("", `UPDATE ${table} SET v = v + 30 WHERE (${some} OR id > 1000) AND id < 4000`);
        break;
      default:
        await sql.run("", `DELETE FROM ${table} WHERE ${some} OR id % 1000 = 5`);
    }
  }
  await sql.run("", `DELETE FROM ${table} WHERE id BETWEEN 100 AND 140`);
  await sql.run("", "COMMIT");
  return xid ?? "";
}

/** With files of 1 MB: those before the last checkpoint go. */
async function cutLog(other: Connection) {
  for (let nth = 0; nth < 3; nth += 1) {
    await other.run("", "SELECT pg_switch_wal()");
    await other.run("", "CHECKPOINT");
  }
}

async function twin(server: TestServer, database: string, seed: number, table: string) {
  const maker = await server.connect("postgres");
  await maker.run("", `CREATE DATABASE twin${seed} TEMPLATE ${database}`);
  await maker.close();
  await twinTraffic(server, seed, table);
}

async function twinTraffic(server: TestServer, seed: number, table: string) {
  const sql = await server.connect(`twin${seed}`);
  await sql.run("", `UPDATE ${table} SET note = 'twin' || id WHERE id % 2 = 0`);
  await sql.run("", `DELETE FROM ${table} WHERE id % 3 = 0`);
  await sql.run("", `VACUUM ${table}`);
  await sql.close();
}

async function lines(sql: Connection, table: string): Promise<readonly string[]> {
  return (await copyOf(sql, `SELECT * FROM ${table} ORDER BY id`)).split("\n").filter((line) => line !== "");
}

export const idOf = (line: string) => line.split("\t")[0] ?? "";

/** The savepoints by the server's own words, not by ours. */
async function statementOf(sql: Connection, xid: string, tables: readonly string[]): Promise<Statement> {
  const oldest = `SELECT min(name) FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$'`;
  const { words } = await sql.row(
    "",
    `SELECT description AS words FROM public.pg_get_wal_records_info(
        ('0/' || to_hex(('x' || right((${oldest}), 8))::bit(32)::int * pg_size_bytes(current_setting('wal_segment_size'))))::pg_lsn, pg_current_wal_flush_lsn())
      WHERE resource_manager = 'Transaction' AND record_type = 'COMMIT' AND xid::text = $1`,
    [xid],
  );
  const subs =
    /subxacts:((?: \d+)+)/
      .exec(words ?? "")?.[1]
      ?.trim()
      .split(" ") ?? [];
  return {
    value: xid,
    kind: "one",
    transactions: [xid],
    subtransactions: subs,
    at: null,
    until: null,
    rows: 1_000_000,
    tables: tables.map((table) => ({ table, rows: 1 })),
    doubts: [],
    who: null,
  };
}
