import { z } from "zod";
import { Fault } from "../core/errors.ts";
import type { Choice } from "../core/step.ts";
import type { StatementQuery } from "../engines/evidence.ts";
import type { Action, ActionContext, ReadContext } from "./action.ts";
import { count, perTable, rowsBetween, some } from "./say.ts";
import { type Search, searchShape, type Statement, tableShape, tablesShape } from "./shapes.ts";
import { writtenStatement } from "./written-statement.ts";

const instant = z.string().nullish();
const params = z.object({ table: tableShape, tables: tablesShape.nullish(), since: instant, until: instant });
type Params = z.infer<typeof params>;

export const findBadStatement: Action<Params, Search> = {
  name: "find-bad-statement",
  summary: "Lists the transactions that took or changed rows, from raw pages and the log: no SQL reads the table",
  effect: "read",
  recovery: ["idempotent"],
  params,
  result: searchShape,
  roles: { main: ["evidence"] },

  async check(_ctx, { since, until }) {
    if (!since || !until || Date.parse(since) <= Date.parse(until)) return [];
    const text = `since (${since}) is later than until (${until}): no statement lies between them.`;
    return [{ level: "stop", text, hint: "Give this run up, and begin anew with the two the other way round." }];
  },

  async preview(_ctx, { table, since, until }) {
    const span = [since ? `since ${since}` : "", until ? `until ${until}` : ""].filter(Boolean).join(" ");
    return {
      summary: `Look for what took rows from ${table}${span === "" ? "" : `, ${span}`}`,
      lines: ["Only raw pages and the transaction log are read; the table itself is not."],
      counts: {},
    };
  },

  async run(ctx, wanted) {
    const search = await ctx.capability("evidence").search(await query(ctx, wanted), ctx);
    if (search.statements.length === 0) throw noneFound(search, wanted, ctx.dryRun);
    await narrowPins(ctx, search);
    return search;
  },

  async verify(_ctx, _wanted, { findings }) {
    return findings;
  },

  choices({ statements }) {
    const taken = statements.filter(({ values }) => !values);
    const largest = largestOf(taken);
    const largestUpdate = largestOf(statements.filter(({ values }) => values));
    const below = updatesBelow(taken.length, statements.length - taken.length);
    return statements.map((statement, nth) => {
      const choice = choiceOf(statement, taken, statement === largest || statement === largestUpdate);
      return nth === 0 ? { ...choice, details: [...below, ...choice.details] } : choice;
    });
  },

  writtenWords:
    "transaction ids joined by + (7311+7312), or two instants in UTC with .. between them (2026-11-21T02:40:00Z..2026-11-21T03:00:00Z); before either, update: for the rows that they changed, not those that they took",

  writtenChoice(search, written) {
    const statement = writtenStatement(search, written);
    const taken = search.statements.filter(({ values }) => !values);
    return statement === null ? null : choiceOf(statement, taken, false);
  },
};

/**
 * None where another may have taken more: with the whole file of a table, of which nobody knows yet how many rows that was, all of them or
 * none (VACUUM FULL); or by deletes of which nobody can tell. Which one took the most is for a person to say then.
 */
function largestOf(statements: readonly Statement[]): Statement | null {
  if (statements.some(tookFile)) return null;
  const known = statements.filter(({ kind }) => kind !== "missing");
  const most = known.reduce<Statement | null>((a, b) => (a !== null && a.rows >= b.rows ? a : b), null);
  return most !== null && statements.some((one) => mayExceed(one, most)) ? null : most;
}

/** A part of a group never does. */
function mayExceed({ most = 0, transactions }: Statement, largest: Statement): boolean {
  return most > largest.rows && !transactions.every((xid) => largest.transactions.includes(xid));
}

function tookFile({ kind }: Statement): boolean {
  return kind === "rewrite" || kind === "drop";
}

async function query(ctx: ReadContext, { table, tables, since, until }: Params): Promise<StatementQuery> {
  const examined = tables ?? (await ctx.capability("evidence").examine(table)).tables.map((fact) => fact.table);
  return { table, tables: examined, ...(since ? { since } : {}), ...(until ? { until } : {}) };
}

/** The operator may think for as long as they like; until then the pins hold what any of them may need, listed or not. */
async function narrowPins(ctx: ActionContext, search: Search): Promise<void> {
  const leases = ctx.leases();
  if (ctx.dryRun || leases.length === 0) return;
  const changed = await ctx.capability("evidence").narrow(leases, search);
  for (const { lease, words, facts, release } of changed) {
    const done = release && leases.find((open) => open.lease.id === lease);
    ctx.changeLease(lease, words, facts);
    if (done) await ctx.releaseLease(done);
  }
}

/** What kept the search from looking everywhere stands in the fault itself: nobody sees the findings of a step that failed. */
function noneFound({ table, pruned, findings, hasBackup }: Search, { since, until }: Params, dryRun: boolean): Fault {
  const warned = findings.filter(({ level }) => level === "warn");
  const gone = pruned > 0 ? [`${some(pruned, "row version")} had been removed before the freeze.`] : [];
  const message = [
    `No transaction that took rows from ${table} was found.`,
    ...gone,
    ...warned.map(({ text }) => text),
  ];
  const again = dryRun ? "start the dry run again" : "resume: this run searches anew, and what is frozen stays frozen";
  const mend = warned.flatMap(({ hint }) => hint ?? []);
  const hints = [
    ...mend,
    ...(mend.length > 0 ? [`Then ${again}.`] : []),
    since || until
      ? "Start a run without `since` and `until`, or with an earlier `since`: they may miss the statement."
      : "Check the table's name: the rows may have been lost from another table.",
    ...(mend.length > 0 || since || until ? [] : [backupHint(hasBackup ?? false, again)]),
  ];
  return new Fault("HF-STATEMENT-NONE", message.join(" "), {
    still: "What was frozen stays frozen until this run gives it back.",
    hint: hints.join(" "),
    wayOn: mend.length > 0 ? "mend" : "abandon",
  });
}

function backupHint(hasBackup: boolean, again: string): string {
  if (hasBackup)
    return `If it was emptied before the backup that holdfast.yaml names for the target, only an older one has its rows: name that there (backup:), then ${again}.`;
  return `If it was emptied by TRUNCATE, or vacuumed since and gone from the log of the server, its rows are in a backup only: name one for the target in holdfast.yaml (backup:), then ${again}.`;
}

/** What somebody is looking for may be pages below what the application does all day. */
function updatesBelow(taken: number, updates: number): readonly string[] {
  if (taken === 0 || updates === 0) return [];
  const many = updates === 1 ? "1 UPDATE stands" : `${updates} UPDATEs stand`;
  return [`LOOKING FOR AN UPDATE? ${many} at the end of this list (the key End goes there), below all that took rows.`];
}

function choiceOf(statement: Statement, all: readonly Statement[], isLargest: boolean): Choice {
  const { value, kind, transactions, doubts, uncounted, who, at, until } = statement;
  const isOpen = kind === "open" || kind === "prepared";
  return {
    value,
    label: `${when(statement)}  ${took(statement)}  ${named(statement)}`,
    details: [
      whereOf(statement),
      ...(at === null && !isOpen ? ["the server does not know when it committed"] : []),
      ...(at !== null && (isOpen || (until !== null && until !== at))
        ? [isOpen ? `began ${instantOf(at)}` : `committed from ${instantOf(at)} to ${instantOf(until ?? at)}`]
        : []),
      who === null ? "by whom, and its SQL: not in the evidence" : `by ${who}; its SQL is not in the evidence`,
      ...(kind === "open" ? ["still open: ending it brings its rows back"] : []),
      ...doubts,
      ...(uncounted === undefined ? [] : [`NOT COUNTED: ${uncounted}`]),
      ...(!statement.values && all.length > 1 && largestOf(all) === null ? doubtful(statement) : []),
    ],
    tags: [
      ...(isLargest ? [statement.values ? "largest-update" : "largest"] : []),
      ...aloneOfItsKind(statement, all),
      ...transactions.filter((xid) => belongsHere(xid, statement, all)),
    ],
    data: statement,
  };
}

function whereOf(statement: Statement): string {
  const names = statement.tables.map(({ table }) => table).join(", ");
  if (statement.kind === "missing") return `in ${names}`;
  return tookFile(statement) ? `all rows of ${names}` : perTable(statement.tables);
}

function doubtful({ kind, rows, most = rows }: Statement): readonly string[] {
  const none = "No statement here is called the largest: this one";
  if (kind === "rewrite") return [`${none} may have taken all rows (TRUNCATE), or none (VACUUM FULL)`];
  if (kind === "drop") return [`${none} took all rows if it dropped this table, or none if that was another's file`];
  return most > rows ? [`${none} may have taken as many as ${some(most, "row")}`] : [];
}

/** A table that lost its file once only: it can be named by that. */
function aloneOfItsKind(statement: Statement, all: readonly Statement[]): readonly string[] {
  const alike = all.filter(({ kind }) => kind === statement.kind);
  return tookFile(statement) && alike.length === 1 ? [statement.kind] : [];
}

function when({ kind, at }: Statement): string {
  if (kind === "open" || kind === "prepared") return "not committed";
  return at === null ? "time unknown" : instantOf(at);
}

/** How many rows went with a whole file nobody can tell before it is read. */
function took(statement: Statement): string {
  const { kind } = statement;
  if (kind === "rewrite") return "TRUNCATE or rewrite";
  if (kind === "missing") return "rows that a dump has and the tables lack";
  return kind === "drop" ? "DROP" : `${statement.values ? "UPDATE" : "DELETE"}  ${rowsBetween(statement)}`;
}

/** To the second, in UTC: as the server wrote it, without its fraction. */
function instantOf(at: string): string {
  const [date = "", time = ""] = at.split(/[T ]/);
  return `${date} ${time.slice(0, 8)}Z`;
}

function named({ kind, transactions, value }: Statement): string {
  if (kind === "group") return `${count(transactions.length)} transactions`;
  return transactions.length === 0 ? value : `xid ${transactions.join(", ")}`;
}

/** An id names the statement that is only this transaction; a group answers to it where there is no such statement. */
function belongsHere(xid: string, statement: Statement, all: readonly Statement[]): boolean {
  if (statement.value === xid) return false;
  const alone = all.some((other) => other.transactions.length === 1 && other.transactions[0] === xid);
  return statement.transactions.length === 1 || !alone;
}
