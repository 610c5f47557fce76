import type { Statement } from "../../../evidence.ts";
import type { TableName } from "../../../inspect.ts";
import type { FoundCommit, LogSummary } from "../log/summary.ts";

/**
 * Where a table is read: just before the commit. A clone takes the statement's exclusive lock too, and then nobody can read the table:
 * so just before that, since from the lock on nobody else could change it.
 */
export function pausesBefore(
  commit: FoundCommit,
  oids: ReadonlyMap<TableName, number>,
): readonly (readonly [bigint, readonly TableName[]])[] {
  const pauses = new Map<bigint, TableName[]>();
  for (const [name, oid] of oids) {
    const position = commit.locks.get(oid) ?? commit.position;
    pauses.set(position, [...(pauses.get(position) ?? []), name]);
  }
  return [...pauses].toSorted(([a], [b]) => (a < b ? -1 : 1));
}

/** Every place at which the clone is paused for it, the first one first. Of a table that was dropped nobody knows the oid before that. */
export function placesOf(
  commit: FoundCommit,
  oids: ReadonlyMap<TableName, number>,
  kind: Statement["kind"],
): readonly bigint[] {
  const before = kind === "drop" ? [firstLock(commit)] : pausesBefore(commit, oids).map(([position]) => position);
  return [...before, commit.position];
}

export function firstLock({ locks, position }: FoundCommit): bigint {
  return [...locks.values()].reduce((least, at) => (at < least ? at : least), position);
}

/**
 * Whether a server that has replayed up to these places can be read there. Where the log's last word on running transactions does not name
 * all of them, a server that begins to replay shortly before can't, and, asked to pause, it would be promoted: then it must come all the
 * way `from-backup`, which serves where an earlier word is whole (PostgreSQL's ProcArrayApplyRecoveryInfo and recoveryPausesHere).
 */
export function readableAt({ running }: LogSummary, places: readonly bigint[]): "always" | "from-backup" | "never" {
  const before = places.map((place) => running.filter(({ at }) => at < place));
  if (before.every((words) => words.at(-1)?.overflowed === false)) return "always";
  return before.every((words) => words.some(({ overflowed }) => !overflowed)) ? "from-backup" : "never";
}
