import { shortRunId } from "../../../core/ids.ts";
import type { Connection } from "../connection.ts";
import { holderSql } from "./keys.ts";

/** `ops_k@bastion, run 7F3K, since 03:12:01Z`; where the server hides the name, what it does tell. */
export async function holderWords(session: Connection): Promise<string> {
  const [row] = await session.rows("asking who holds the target lock", holderSql);
  if (row === undefined) return "somebody who has just let go of it";
  const since = row.since == null ? "" : `, since ${row.since}`;
  const [, run, person] = /^holdfast:([0-9a-f]{32}):(.*)$/.exec(row.application ?? "") ?? [];
  if (run !== undefined) return `${person || "unknown"}, run ${shortRunId(run)}${since}`;
  return `session ${row.pid}${row.role == null ? "" : ` of ${row.role}`}${since}`;
}
