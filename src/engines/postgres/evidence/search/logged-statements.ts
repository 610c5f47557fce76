import type { Statement } from "../../../evidence.ts";
import type { TableName } from "../../../inspect.ts";
import type { Surveyed } from "../clone/survey.ts";
import { commitTime } from "../log/commit.ts";
import { nodeKey } from "../../file-node.ts";
import { lsnText } from "../log/position.ts";
import type { FoundCommit, LogSummary } from "../log/summary.ts";
import { plural } from "../say.ts";
import { type FullXid, fullXid } from "../xid.ts";
import type { Logged } from "./scan.ts";
import { bounds, sumOf } from "./statements.ts";

/**
 * It made the file that a table has, or had after an earlier one, and took another away. TRUNCATE ... CASCADE goes further than a DELETE:
 * it empties whatever refers to the table, and all of that has to come back.
 */
export function rewriteOf(commit: FoundCommit, { files }: Surveyed, asked: Surveyed, next: FullXid): Statement | null {
  if (commit.dropped.length === 0) return null;
  const hit = [...files].filter(([, all]) => commit.made.some((file) => all.includes(file))).map(([table]) => table);
  if (!hit.some((table) => asked.files.has(table))) return null;
  const isNow = hit.some((table) => commit.made.includes(files.get(table)?.[0] ?? ""));
  const base = statementOf(commit, next);
  return {
    ...base,
    value: `rewrite:${base.value}`,
    kind: "rewrite",
    rows: 0,
    tables: hit.map((table) => ({ table, rows: 0 })),
    doubts: [
      "The table got a new file: by TRUNCATE, VACUUM FULL, CLUSTER or an ALTER. How many rows it took is counted when the clone stands.",
      ...(isNow ? [] : ["There was another since then; it may have been about an index alone."]),
    ],
  };
}

/**
 * A table that was made since the backup may stand in the place of one that was dropped: what took files away before that, and made
 * none, may have been its DROP. The clone proves it by the name.
 */
export function dropsOf({ files, log }: Surveyed, next: FullXid): readonly Statement[] {
  const made = [...files].flatMap(([table, [now = ""]]) => {
    const maker = log.commits.find((commit) => commit.made.includes(now) && commit.dropped.length === 0);
    return maker ? [{ table, position: maker.position }] : [];
  });
  return log.commits.flatMap((commit) => {
    const tables = made.filter(({ position }) => commit.position < position);
    if (commit.dropped.length === 0 || commit.made.length > 0 || tables.length === 0) return [];
    if (isOurs(commit, log.makers)) return [];
    const base = statementOf(commit, next);
    return [
      {
        ...base,
        value: `drop:${base.value}`,
        kind: "drop" as const,
        tables: tables.map(({ table }) => ({ table, rows: 0 })),
        doubts: [
          `It took ${plural(commit.dropped.length, "file")} of tables and indexes away. Whether this table was among them is proved when the clone stands.`,
        ],
      },
    ];
  });
}

/** Of each table its oid: a table that never got another file has one of that number. */
export type Owns = ReadonlyMap<TableName, string>;

/** What came and went within the transaction was no table of the user's, nor was a rescue area of ours, with what was added to it later. */
function isOurs({ dropped, position }: FoundCommit, makers: LogSummary["makers"]): boolean {
  const before = dropped.map((file) => makers.get(nodeKey(file))).filter((maker) => maker?.position !== position);
  const area = before.find((maker) => maker?.isArea);
  return before.every((maker) => maker !== undefined && area !== undefined && maker.position >= area.position);
}

/** Rows that it deleted, by the log's own records; none where it deleted none. */
export function deleteOf(commit: FoundCommit, surveyed: Surveyed, next: FullXid, owns: Owns): Statement | null {
  const tables = [...surveyed.files.keys()].map((table) => ({ table, ...countIn(commit, surveyed, table, owns) }));
  const counts = sumOf(tables.map(({ table, deleted, perhaps }) => bounds(table, deleted, deleted + perhaps)));
  if (counts.tables.length === 0) return null;
  return {
    ...statementOf(commit, next),
    ...counts,
    doubts: [
      "Its dead rows are not on their pages any more; it is known from the log.",
      ...(tables.some(({ perhaps }) => perhaps > 0) ? [anotherFile] : []),
    ],
  };
}

/** Rows that it changed in the tables' files of today: places mean nothing in any other. At most so many, since it may have changed one twice. */
export function updateOf(commit: FoundCommit, { files }: Surveyed, next: FullXid): Statement | null {
  const tables = [...files].map(([table, [now = ""]]) => bounds(table, 0, commit.updated.get(now) ?? 0));
  const counts = sumOf(tables);
  if (counts.tables.length === 0) return null;
  const base = statementOf(commit, next);
  const doubts = ["By the log since the base backup."];
  return { ...base, ...counts, value: `update:${base.value}`, values: true, doubts };
}

const anotherFile =
  "The table got another file since, and nothing tells which of several was its own then: some of these deletes may be of another table, or of pieces of long values.";

/** The same, with what it inserted itself, by table. */
export function loggedBy(commit: FoundCommit, surveyed: Surveyed, owns: Owns): ReadonlyMap<TableName, Logged> {
  const all = [...surveyed.files.keys()].map((table) => ({ table, ...countIn(commit, surveyed, table, owns) }));
  return new Map(
    all
      .filter(({ deleted, perhaps }) => deleted + perhaps > 0)
      // What may be of another table is at most so much, and at least nothing: as if it had inserted as much.
      .map(({ table, deleted, inserted, perhaps }) => [
        table,
        { deleted: deleted + perhaps, inserted: inserted + perhaps, moved: 0 },
      ]),
  );
}

interface CountedIn {
  readonly deleted: number;
  readonly inserted: number;
  /** Deletes in a file that may have been the table's: one of those that its file's maker took away. */
  readonly perhaps: number;
}

/**
 * Today's file is the table's for sure, and so is one with the table's own number: that was its first, until it was taken away. Where a
 * table had others between these two, those were made and taken away with files of its indexes and long values, and maybe of other tables.
 */
function countIn(commit: FoundCommit, { files, log }: Surveyed, table: TableName, owns: Owns): CountedIn {
  const [now = "", ...earlier] = files.get(table) ?? [];
  const isFirst = (file: string) => file.endsWith(`/${owns.get(table) ?? ""}`);
  const sure = [now, ...earlier.filter(isFirst)];
  const sum = (of: ReadonlyMap<string, number>) => sure.reduce((all, file) => all + (of.get(file) ?? 0), 0);
  const until = log.commits.find(({ dropped }) => dropped.some((file) => isFirst(nodeKey(file))))?.position ?? 0n;
  const isTold = isFirst(now) || commit.position <= until;
  const others = isTold ? [] : earlier.filter((file) => !isFirst(file));
  const perhaps = Math.max(0, ...others.map((file) => commit.deleted.get(file) ?? 0));
  return { deleted: sum(commit.deleted), inserted: sum(commit.inserted), perhaps };
}

function statementOf(commit: FoundCommit, next: FullXid): Statement {
  const xid = String(fullXid(commit.xid, next));
  const at = commitTime(commit.at);
  return {
    value: xid,
    kind: "one",
    transactions: [xid],
    subtransactions: commit.subs.map((sub) => String(fullXid(sub, next))),
    positions: [lsnText(commit.position)],
    at,
    until: at,
    rows: 0,
    tables: [],
    doubts: [],
    who: null,
  };
}
