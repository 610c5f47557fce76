import type { Transaction } from "../../engine.ts";
import type { MergeTable } from "../../merge.ts";
import type { OwnedSequence } from "../catalogue.ts";
import type { Connection } from "../connection.ts";
import { setLocally } from "../rescue-area/settings.ts";
import type { PostgresTarget } from "../target.ts";
import { connectionOf } from "../transaction.ts";
import { mergeScope } from "./scope.ts";
import { furthestSql } from "./statements.ts";

export interface Moved {
  readonly sequence: string;
  readonly from: string;
  readonly to: string;
}

/** Only those that are behind the rescued values. A sequence is no part of a rollback; moved forward it does no harm. */
export async function moveSequences(
  target: PostgresTarget,
  tx: Transaction,
  request: MergeTable,
): Promise<readonly Moved[]> {
  const connection = connectionOf(tx);
  await setLocally(connection, { lock_timeout: `${target.request.limits.lockTimeoutMs}ms` });
  const scope = await mergeScope(connection, request);
  const moved: Moved[] = [];
  for (const sequence of scope.one.area.shape.sequences) {
    if (!scope.one.area.columns.some((column) => column.name === sequence.column)) continue;
    const { furthest } = await connection.row(
      `looking for the last value of ${sequence.column}`,
      furthestSql(scope, sequence.quoted, sequence.increment),
    );
    const change = furthest ? await moveForward(connection, sequence, furthest) : null;
    if (change !== null) moved.push(change);
  }
  return moved;
}

async function moveForward(connection: Connection, sequence: OwnedSequence, furthest: string): Promise<Moved | null> {
  const found = await place(connection, sequence);
  if (!isBehind(found, sequence, furthest)) return null;
  if (!(await isOwn(connection, sequence))) return drawUpTo(connection, sequence, found, furthest);
  // Setting it beside a session that draws from it could move it back: this no-change takes the lock that both need, until COMMIT.
  await connection.run(`holding ${sequence.sequence}`, `alter sequence ${sequence.sequence} cache ${sequence.cache}`);
  const before = await place(connection, sequence);
  if (!isBehind(before, sequence, furthest)) return null;
  await connection.rows(`moving ${sequence.sequence} forward`, "select setval($1::regclass, $2::bigint)", [
    sequence.sequence,
    furthest,
  ]);
  return { sequence: sequence.sequence, from: before.last, to: furthest };
}

async function isOwn(connection: Connection, { sequence }: OwnedSequence): Promise<boolean> {
  const sql = "select pg_has_role(relowner, 'usage')::text as own from pg_class where oid = $1::regclass";
  return (await connection.row(`asking whose ${sequence} is`, sql, [sequence])).own === "true";
}

/** Drawn at once, so that other sessions wait for no more than that. */
const drawnAtOnce = 100_000n;

/** Whoever may not alter a sequence draws from it until it is there: it never goes back, whoever else draws in the meantime. */
async function drawUpTo(
  connection: Connection,
  sequence: OwnedSequence,
  before: Place,
  furthest: string,
): Promise<Moved> {
  for (let now = before; isBehind(now, sequence, furthest); now = await place(connection, sequence)) {
    const gap = (BigInt(furthest) - BigInt(now.last)) / BigInt(sequence.increment);
    const draws = gap < 1n ? 1n : gap < drawnAtOnce ? gap : drawnAtOnce;
    await connection.rows(
      `moving ${sequence.sequence} forward`,
      "select max(nextval($1::regclass)) from generate_series(1, $2::int)",
      [sequence.sequence, draws],
    );
  }
  return { sequence: sequence.sequence, from: before.last, to: furthest };
}

interface Place {
  readonly last: string;
  readonly called: boolean;
}

async function place(connection: Connection, { sequence }: OwnedSequence): Promise<Place> {
  const sql = `select last_value::text as last, is_called::text as called from ${sequence}`;
  const found = await connection.row(`reading ${sequence}`, sql);
  return { last: found["last"] ?? "0", called: found["called"] === "true" };
}

function isBehind({ last, called }: Place, { increment }: OwnedSequence, furthest: string): boolean {
  const ahead = increment > 0 ? BigInt(furthest) - BigInt(last) : BigInt(last) - BigInt(furthest);
  return ahead > 0n || (ahead === 0n && !called);
}
