import type { Statement } from "../../../evidence.ts";
import type { TableName } from "../../../inspect.ts";
import type { Surveyed } from "../clone/survey.ts";
import { commitTime } from "../log/commit.ts";
import { lsnText } from "../log/position.ts";
import type { FoundCommit } from "../log/summary.ts";
import { type FullXid, fullXid } from "../xid.ts";
import { sumOf } from "./statements.ts";

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
    const base = statementOf(commit, next);
    return [
      {
        ...base,
        value: `drop:${base.value}`,
        kind: "drop" as const,
        tables: tables.map(({ table }) => ({ table, rows: 0 })),
        doubts: [
          "It took the files of a table or an index away. Whether it was this table is proved when the clone stands.",
        ],
      },
    ];
  });
}

/** Rows that it deleted, by the log's own records; none where it deleted none. */
export function deleteOf(
  commit: FoundCommit,
  { files }: Surveyed,
  next: FullXid,
  own: ReadonlyMap<TableName, string>,
): Statement | null {
  const tables = [...files].map(([table, all]) => ({ table, ...countIn(commit, all, own.get(table) ?? "") }));
  const { rows, tables: hit } = sumOf(tables);
  if (rows === 0) return null;
  const isUnsure = tables.some(({ unsure, rows: some }) => unsure && some > 0);
  return {
    ...statementOf(commit, next),
    rows,
    tables: hit.map(({ table, rows: some }) => ({ table, rows: some })),
    doubts: [
      "Its dead rows are not on their pages any more; it is known from the log.",
      ...(isUnsure ? ["The table got another file since: pieces of long values may be counted as rows."] : []),
    ],
  };
}

/** Today's file is the table's for sure; of those before, the one with the table's own number, else the largest. */
function countIn({ deleted }: FoundCommit, files: readonly string[], oid: string): { rows: number; unsure: boolean } {
  const [now = "", ...earlier] = files;
  const today = deleted.get(now) ?? 0;
  const own = earlier.find((file) => file.endsWith(`/${oid}`) && deleted.has(file));
  if (today > 0 || own !== undefined) return { rows: today + (deleted.get(own ?? "") ?? 0), unsure: false };
  return { rows: Math.max(0, ...earlier.map((file) => deleted.get(file) ?? 0)), unsure: true };
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
