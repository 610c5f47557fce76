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
  if (!isBehind(await place(connection, sequence), sequence, furthest)) return null;
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
