import { Fault } from "../../../core/errors.ts";
import type { Finding } from "../../../core/step.ts";
import type { CheckedTable, CheckedValues } from "../../rescue-area.ts";
import { fromTable } from "../catalogue.ts";
import type { Connection } from "../connection.ts";
import { fileColumns, fileIn, nodeKey } from "../file-node.ts";
import type { AreaTable } from "./area.ts";
import { comparison, isKeyed, isSameRow, type Keyed, keyColumns, sameIdentity, sameKey } from "./comparison.ts";
import { rows as someRows } from "./words.ts";

/**
 * A row is the statement's work, and nobody's since, where the very version that it made stands in the place that it gave it: made by one of
 * its transactions, and not replaced by another. Pieces of SQL: `r` is a rescued row, `t` the table's row that stands in its place.
 */
export function stillThere({ area }: Keyed, values: NonNullable<AreaTable["values"]>): string {
  return `t.ctid = r.${area.place} and t.xmin = any ('{${makers(values).join(",")}}'::xid[])`;
}

function makers({ makers: ids }: NonNullable<AreaTable["values"]>): readonly string[] {
  if (ids.every((id) => /^\d{1,10}$/.test(id))) return ids;
  throw new Error("the rescue area's note names a transaction that is none");
}

/** By which key a row is known to be the one that it was: fault `HF-PG-NO-KEY` without one. Such a statement is refused before anything is held for it. */
export function keyedValues(area: AreaTable): Keyed {
  const one = comparison(area);
  if (isKeyed(one)) return one;
  throw new Fault("HF-PG-NO-KEY", `${area.table} has no primary key and no unique key that holds for every row`, {
    exit: "refused",
    still: "Nothing was changed; what was rescued is where it was.",
    hint: `Give the table a key (ADD UNIQUE over columns that are NOT NULL) and resume; or compare by hand with ${area.rows}.`,
  });
}

/** The place beside what is compared: the rescued rows with it. */
export function rescuedWithPlace({ area }: Keyed): string {
  const own = [area.ordinal, area.place, ...area.columns.map((column) => column.quoted)];
  return `(select ${own.join(", ")} from ${area.rows}) as r`;
}

/** What the merge sets back: the row is as the statement left it, and has the key that it had before. */
export function settable(one: Keyed): string {
  return `${sameKey(one, "t")} and not (${isSameRow(one, "r", "t")}) and ${sameIdentity(one, "r", "t")}`;
}

/** Fault `HF-PG-REWRITTEN` where the table's rows lie in another file now: then the places mean nothing. */
export async function assertSameFile(connection: Connection, { table, shape, values }: AreaTable): Promise<void> {
  const row = await connection.row(
    "asking where the table lies",
    `SELECT d.oid::text AS database, ${fileColumns("c")} FROM pg_class c, pg_database d
      WHERE c.oid = $1::text::oid AND d.datname = current_database()`,
    [shape.oid],
  );
  if (values === null || nodeKey(fileIn(row)) === values.file) return;
  throw new Fault("HF-PG-REWRITTEN", `${table} was given a new file since its rows were rescued`, {
    exit: "refused",
    cause: "By VACUUM FULL, CLUSTER, TRUNCATE or an ALTER that rewrites it: its rows lie in other places now.",
    still: "Nothing was changed by this; the rescue area has the former values.",
    hint: "What is in the table now can't be told by its place any more: compare by key, by hand, with the rescue area.",
    wayOn: "abandon",
  });
}

/** Exact, of one moment. */
export async function checkValues(
  connection: Connection,
  one: Keyed,
  shape: readonly Finding[],
): Promise<CheckedTable> {
  const { area } = one;
  const found = await countValues(connection, one);
  const { rows, identical, ...values } = found;
  const none = { missing: 0, remade: 0, removedSince: 0, otherUnique: 0, orphans: 0, duplicates: 0, willInsert: 0 };
  return { table: area.table, rows, identical, ...none, values, findings: [...shape, ...valueWords(one, values)] };
}

export interface FoundValues extends CheckedValues {
  readonly rows: number;
  readonly identical: number;
}

/** One pass over the rescued rows, each beside the row in its place and the one of its key. */
export async function countValues(connection: Connection, one: Keyed): Promise<FoundValues> {
  const { area } = one;
  if (area.values === null) throw new Error(`${area.rows} holds no former values`);
  await assertSameFile(connection, area);
  const table = fromTable(area.shape);
  const [key] = keyColumns(one).map((column) => column.quoted);
  const [ours, other] = ["t.ctid is not null", `(t.ctid is null and k.${key} is not null)`];
  const same = (alias: string) => isSameRow(one, "r", alias);
  const count = (where: string, name: string) => `count(*) filter (where ${where})::text as ${name}`;
  const counts = [
    "count(*)::text as rows",
    count(`(${ours} and ${same("t")}) or (${other} and ${same("k")})`, "identical"),
    count(`${ours} and ${settable(one)}`, "settable"),
    count(`${ours} and not (${sameKey(one, "t")})`, "rekeyed"),
    count(`${ours} and ${sameKey(one, "t")} and not (${sameIdentity(one, "r", "t")})`, "fixed"),
    count(`${other} and not (${same("k")})`, "changed"),
    count(`t.ctid is null and k.${key} is null`, "gone"),
  ];
  const sql = `select ${counts.join(", ")} from ${rescuedWithPlace(one)}
    left join ${table} as t on ${stillThere(one, area.values)} left join ${table} as k on ${sameKey(one, "k")}`;
  const found = await connection.row(`comparing the former values with ${area.table}`, sql);
  const number = (name: string) => Number(found[name]);
  return {
    rows: number("rows"),
    identical: number("identical"),
    willSet: number("settable"),
    changedSince: number("changed"),
    keyChanged: number("rekeyed"),
    gone: number("gone"),
    ...(number("fixed") > 0 ? { fixed: number("fixed") } : {}),
  };
}

/** Conflicts by kind: which of the two is right only a person can say. */
export function valueWords(
  { area }: Keyed,
  { changedSince, keyChanged, gone, fixed = 0 }: Omit<CheckedValues, "willSet">,
): readonly Finding[] {
  const where = `The former values are in ${area.rows}.`;
  const kinds = [
    [changedSince, "changed again since the statement", { until: "written" }],
    [keyChanged, "had their key changed by the statement itself", { until: "written" }],
    [
      gone,
      "are not there any more: deleted since, given another key, or moved to another partition",
      { until: "written" },
    ],
    [fixed, "can't be set back: the statement changed a column that is GENERATED ALWAYS AS IDENTITY", {}],
  ] as const;
  return kinds
    .filter(([n]) => n > 0)
    .map(([n, what, until]) => ({
      level: "warn",
      text: `${area.table}: ${someRows(n)} ${what}`,
      hint: where,
      ...until,
    }));
}
