import type { ConflictKind } from "../../rescue-area.ts";
import type { ForeignKey } from "../catalogue.ts";
import { type Blocked, notBlocked } from "../rescue-area/blocked.ts";
import {
  type Comparison,
  hasParent,
  isKeyed,
  isParent,
  isPresent,
  isTaken,
  refers,
  waitingParents,
} from "../rescue-area/comparison.ts";

/** One table's merge, with what decides how it is cut into batches. */
export interface Scope {
  readonly one: Comparison;
  readonly all: readonly Comparison[];
  /** Keys of the table into itself: parent and child may be anywhere among the rescued rows. */
  readonly selfKeys: readonly ForeignKey[];
  /** Keys to tables that refer back to this one: their parents may come later. Only with foreign keys off. */
  readonly circleKeys: readonly ForeignKey[];
  readonly decided: readonly ConflictKind[];
}

/**
 * `each`: the statement itself leaves out what stands in conflict now, and wants each parent in its table.
 * `together`: what stands in conflict was found before, over all tables; a parent in the same statement will do.
 */
export type How = { readonly kind: "each" } | { readonly kind: "together"; readonly blocked: Blocked };

/**
 * Which rows of a range go in: `$1` is the last ordinal before it, `$2` its last. Runs with names looked for in pg_catalog alone: under a
 * path of the user's, whoever may make an operator there would have it called with our rights.
 */
export function chosenSql(scope: Scope, how: How, give: "count" | "ordinals"): string {
  const { one } = scope;
  const { ordinal } = one.area;
  return [
    give === "count" ? "select count(*)::text as chosen" : `select r.${ordinal}::text as n`,
    `from ${one.rescued}`,
    `where r.${ordinal} > $1 and r.${ordinal} <= $2 and not ${staysOut(one)}`,
    ...(how.kind === "together" ? [`and ${notBlocked(how.blocked, one, "r")}`] : clearOfConflicts(scope)),
  ].join("\n");
}

/** Without a key, what this batch itself has put in would weigh too: so it is written down before the first INSERT. */
function staysOut(one: Comparison): string {
  const { leftOut, ordinal } = one.area;
  return isKeyed(one) ? isPresent(one) : `exists (select from ${leftOut} as x where x.${ordinal} = r.${ordinal})`;
}

/**
 * The INSERT itself, under the path that the user's triggers and checks were written for: nothing in it is looked for by that path. `$3`,
 * where not all of the range goes in: the ordinals that do. The server's row count of it is exact.
 *
 * A row that another session makes in this very moment is refused, and the batch is halved around it: rare, and 15 % faster for all others
 * than ON CONFLICT, which looks up each key twice (measured on 300,000 rows).
 */
export function insertSql({ one }: Scope, which: "all" | "listed"): string {
  const { area } = one;
  const columns = one.columns.map((column) => column.quoted);
  const ordinal = `r.${area.ordinal}`;
  return [
    `insert into ${area.shape.name} (${columns.join(", ")}) overriding system value`,
    `select ${columns.map((column) => `r.${column}`).join(", ")} from ${area.rows} as r`,
    `where ${ordinal} operator(pg_catalog.>) $1 and ${ordinal} operator(pg_catalog.<=) $2`,
    ...(which === "all" ? [] : [`and ${ordinal} operator(pg_catalog.=) any ($3::pg_catalog.int8[])`]),
    `order by ${ordinal}`,
  ].join("\n");
}

/** For a table without a key, before its one batch: rows that may be in the table already. */
export function equalRowsSql({ one }: Scope): readonly string[] {
  const { leftOut, ordinal } = one.area;
  return [
    `delete from ${leftOut}`,
    `insert into ${leftOut} select r.${ordinal} from ${one.rescued} where ${isPresent(one)}`,
  ];
}

function clearOfConflicts({ one, all, selfKeys, circleKeys, decided }: Scope): readonly string[] {
  const { removed, ordinal } = one.area;
  const spared = `and not exists (select from ${removed} as m where m.${ordinal} = r.${ordinal})`;
  const parents = one.foreignKeys.map((key) => {
    const itself = selfKeys.includes(key) ? ` or (${isParent(key, "r", "r")})` : "";
    const waiting = circleKeys.includes(key) ? waitingParent(key, all) : "";
    return `and (not (${refers(key, "r")}) or ${hasParent(key, "r")}${itself}${waiting})`;
  });
  return [
    ...(isKeyed(one) && !decided.includes("removed-since") ? [spared] : []),
    ...one.others.map((key) => `and not ${isTaken(one, key)}`),
    ...parents,
  ];
}

function waitingParent(key: ForeignKey, all: readonly Comparison[]): string {
  return waitingParents(key, all)
    .map(({ area }) => ` or exists (select from ${area.rows} as p where ${isParent(key, "r")})`)
    .join("");
}

/** Rows of the batch that are in the table without their parent: with foreign keys off nothing else would tell. */
export function lonelySql({ one, circleKeys }: Scope): string {
  const { area } = one;
  const keys = one.foreignKeys.filter((key) => !circleKeys.includes(key));
  const lonely = keys.map((key) => `(${refers(key, "r")} and not ${hasParent(key, "r")})`).join(" or ");
  return `select exists (select from ${one.rescued} where r.${area.ordinal} > $1 and r.${area.ordinal} <= $2
    and ${isPresent(one)} and (${lonely}))::text as lonely`;
}

/** A sequence that is behind the rescued values, told by its own place and direction. */
export function furthestSql({ one }: Scope, quoted: string, increment: number): string {
  return `select ${increment > 0 ? "max" : "min"}(r.${quoted})::text as furthest from ${one.area.rows} as r`;
}
