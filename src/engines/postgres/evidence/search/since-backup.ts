import { Fault } from "../../../../core/errors.ts";
import type { Finding } from "../../../../core/step.ts";
import type { Watch } from "../../../engine.ts";
import type { Statement, StatementQuery } from "../../../evidence.ts";
import type { TableName } from "../../../inspect.ts";
import type { Connection } from "../../connection.ts";
import type { PostgresTarget } from "../../target.ts";
import type { LogSurvey } from "../clone/log-survey.ts";
import { breakText, damageText, type Surveyed } from "../clone/survey.ts";
import { referrersOf } from "../closure.ts";
import { lsnNumber, lsnText } from "../log/position.ts";
import type { FoundCommit } from "../log/summary.ts";
import type { Families } from "../pages/untold.ts";
import { finding, number, size } from "../say.ts";
import { nextXid, type FullXid, fullXid } from "../xid.ts";
import { deleteOf, dropsOf, loggedBy, type Owns, rewriteOf, updateOf } from "./logged-statements.ts";
import type { Logged } from "./scan.ts";
import type { Found } from "./search.ts";
import { mostOffered } from "./updates.ts";
import {
  type Candidate,
  groupsOf,
  isWithin,
  larger,
  listed,
  mostOf,
  type OnPages,
  recounted,
  savepointDoubts,
  together,
} from "./statements.ts";

/** Read without being asked to; what lies before is read only where nothing else tells who took the rows. */
const newest = 1e9;

/**
 * What the log since the base backup tells beyond the pages: statements whose dead rows are gone from them, and those that took the
 * whole file of a table away (TRUNCATE, VACUUM FULL, a rewriting ALTER). Where the config names no backup, the pages alone speak.
 */
export async function withLoggedStatements(
  target: PostgresTarget,
  log: LogSurvey,
  query: StatementQuery,
  search: Found,
  watch: Watch,
): Promise<Found> {
  if (!target.request.backup) return search;
  const asking = await target.catalogue();
  try {
    const referring = await referrersOf(asking, query.tables);
    const surveyed = await log.read(wantedBy({ tables: [...query.tables, ...referring] }, search), watch);
    return joined(query, search, surveyed, await nextXid(asking), await ownOf(asking, query.tables));
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    const text = `The log since the base backup could not be searched: ${error.record.message}.`;
    return { ...search, findings: [...search.findings, finding("warn", text, error.record.hint)] };
  }
}

function wantedBy({ tables }: Pick<StatementQuery, "tables">, { statements }: Found) {
  const xids = statements.flatMap(({ transactions, subtransactions }) => [...transactions, ...subtransactions]);
  return { tables, xids, ownToo: true as const, ...(statements.length > 0 ? { newest } : {}) };
}

async function ownOf(asking: Connection, tables: readonly TableName[]): Promise<Owns> {
  const rows = await asking.rows(
    "looking up tables",
    "SELECT name, to_regclass(name)::oid::text AS oid FROM unnest($1::text[]) AS n(name)",
    [[...tables]],
  );
  return new Map(rows.map(({ name, oid }) => [name ?? "", oid ?? ""]));
}

function joined(query: StatementQuery, search: Found, surveyed: Surveyed, next: FullXid, own: Owns): Found {
  const { commits } = surveyed.log;
  const positions = new Map(commits.map(({ xid, position }) => [String(fullXid(xid, next)), lsnText(position)]));
  const rowsTaken = search.statements.filter(({ values }) => !values);
  const known = new Set(rowsTaken.flatMap(({ transactions }) => transactions));
  const isAsked = (statement: Statement) => isWithin(statement, query);
  const asked = { ...surveyed, files: new Map([...surveyed.files].filter(([table]) => query.tables.includes(table))) };
  const rewrites = commits.flatMap((commit) => rewriteOf(commit, surveyed, asked, next) ?? []).filter(isAsked);
  const deletes = commits
    .flatMap((commit) => deleteOf(commit, asked, next, own) ?? [])
    .filter((one) => !known.has(one.value) && isAsked(one));
  const updates = search.statements.filter(({ values }) => values).map((one) => located(one, positions));
  const loggedUpdates = surveyed.log.updaters
    .flatMap((commit) => updateOf(commit, asked, next) ?? [])
    .filter((one) => !updates.some(({ value }) => value === one.value) && isAsked(one));
  const inPages = rowsTaken.map((statement) => {
    const sure = withSavepoints(statement, commits, next);
    const learnt = sure.subtransactions.length > statement.subtransactions.length;
    const known = isWhole(statement, surveyed, next) ? without(sure) : sure;
    const evidence = search.evidence.get(statement.value);
    return located(
      withLogged(known, learnt, commits, { asked, next, own, families: search.families, ...evidence }),
      positions,
    );
  });
  const kept = listed([...inPages, ...groupsOf(deletes).map((one) => located(one, positions)), ...deletes]);
  const drops = dropsOf(asked, next).filter(isAsked);
  const newestRewrites = [...rewrites.toReversed().slice(0, 5), ...drops.toReversed().slice(0, 5)];
  return {
    ...search,
    statements: [
      ...kept.slice(0, 20 - newestRewrites.length),
      ...newestRewrites,
      ...largestUpdates(updates, loggedUpdates),
    ],
    findings: [...search.findings, ...findingsOf(surveyed)],
  };
}

/** As many as the pages named, or as are offered anyway. */
function largestUpdates(onPages: readonly Statement[], logged: readonly Statement[]): readonly Statement[] {
  const all = [...onPages, ...logged].toSorted((a, b) => mostOf(b) - mostOf(a));
  return all.slice(0, Math.max(onPages.length, mostOffered));
}

/** The log that was read has all that its transactions did, from their first word to their COMMIT: no row that it took is uncounted. */
function isWhole({ transactions }: Statement, { log: { commits, running } }: Surveyed, next: FullXid): boolean {
  const [first] = running;
  const known = new Set(commits.map(({ xid }) => String(fullXid(xid, next))));
  return (
    first !== undefined && transactions.every((xid) => known.has(xid) && Number(xid) >= fullXid(first.next, next + 1))
  );
}

function without({ uncounted: _known, ...statement }: Statement): Statement {
  return statement;
}

/** Beside what the pages and the server's own log say of the statement. */
interface Looking extends Partial<Pick<Candidate, "logged" | "onPages">> {
  readonly asked: Surveyed;
  readonly next: FullXid;
  readonly own: Owns;
  readonly families: Families;
}

/** The log's own word on its savepoints, where it has every COMMIT: what was made under one is the statement's own too. */
function withSavepoints(statement: Statement, commits: readonly FoundCommit[], next: FullXid): Statement {
  const members = new Set(statement.transactions);
  const found = commits.filter(({ xid }) => members.has(String(fullXid(xid, next))));
  if (found.length === 0 || found.length < members.size) return statement;
  const subtransactions = found.flatMap(({ subs }) => subs.map((sub) => String(fullXid(sub, next))));
  const ended: readonly string[] = Object.values(savepointDoubts);
  return { ...statement, subtransactions, doubts: statement.doubts.filter((doubt) => !ended.includes(doubt)) };
}

/**
 * The larger truth for each table: what VACUUM took is on no page, and it is what a clone has to bring. What it inserted it may have deleted
 * itself: that much is left out. Where savepoints were `learnt`, the pages were counted without them, and the log alone counts.
 */
function withLogged(
  statement: Statement,
  learnt: boolean,
  commits: readonly FoundCommit[],
  looking: Looking,
): Statement {
  if (statement.kind !== "one" && statement.kind !== "group") return statement;
  const members = new Set(statement.transactions);
  const ours = commits.filter(({ xid }) => members.has(String(fullXid(xid, looking.next))));
  const logged = together(ours.map((commit) => loggedBy(commit, looking.asked, looking.own)));
  const pages = pagesOf(statement, looking).filter(({ table }) => !learnt || !logged.has(table));
  const found = larger(pages, fuller(logged, ours, looking), looking.families);
  if (learnt) return recounted(statement, found);
  if (found.rows <= statement.rows && mostOf(found) <= mostOf(statement)) return statement;
  const gone = `By the log since the base backup; ${number(statement.rows)} of it are on their pages.`;
  return {
    ...recounted(statement, found),
    doubts: found.rows > statement.rows ? [...statement.doubts, gone] : statement.doubts,
  };
}

/** At least what was found of it before. */
function pagesOf({ tables }: Statement, { onPages = [] }: Looking): readonly OnPages[] {
  return tables.map(({ table, rows }) => ({ ...onPages.find((one) => one.table === table), table, rows }));
}

/**
 * Of each table the log that has more of it. The log since the backup tells how many rows moved, and not out of which table: out of any of
 * a family.
 */
function fuller(
  logged: ReadonlyMap<TableName, Logged>,
  ours: readonly FoundCommit[],
  { families, logged: before = new Map<TableName, Logged>() }: Looking,
): ReadonlyMap<TableName, Logged> {
  const more = [...logged].filter(([table, { deleted }]) => deleted > (before.get(table)?.deleted ?? 0));
  if (more.length === 0) return before;
  const all = new Map(before);
  for (const [table, counts] of more) all.set(table, { ...counts, moved: before.get(table)?.moved ?? 0 });
  const movedAway = ours.reduce((sum, { moved }) => sum + moved, 0);
  for (const table of movedAway > 0 ? families.keys() : []) {
    const known = all.get(table) ?? { deleted: 0, inserted: 0, moved: 0 };
    all.set(table, { ...known, moved: Math.max(known.moved, movedAway) });
  }
  return all;
}

/** With the place of each commit, where the log tells all of them. */
function located(statement: Statement, positions: ReadonlyMap<string, string>): Statement {
  if (statement.positions) return statement;
  const found = statement.transactions.flatMap((xid) => positions.get(xid) ?? []);
  return found.length === statement.transactions.length && found.length > 0
    ? { ...statement, positions: found }
    : statement;
}

function findingsOf(surveyed: Surveyed): readonly Finding[] {
  const { from, end, backup } = surveyed;
  const whole = from <= lsnNumber(backup.label.start);
  const read = finding(
    "ok",
    `${size(Number(end > from ? end - from : 0n))} of the log since the base backup were searched.`,
  );
  const older = "Older log was left out: the pages name statements already. What happened before may not be listed.";
  return [read, ...(whole ? [] : [finding("note", older)]), ...brokenOff(surveyed)];
}

/** Statements behind a break are in no list. */
function brokenOff({ stoppedAt, damage, source }: Surveyed): readonly Finding[] {
  if (damage !== null)
    return [finding("warn", damageText(damage, source), "Bring a whole copy of it into the archive.")];
  if (stoppedAt === null) return [];
  const { why, opensWith } = breakText(stoppedAt, source);
  return [finding("warn", `${why} What is after that is not known.`, opensWith)];
}
