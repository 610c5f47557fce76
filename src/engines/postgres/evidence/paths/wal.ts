import { Fault } from "../../../../core/errors.ts";
import type { Watch } from "../../../engine.ts";
import type { PathOption, RecoveredTable, Statement } from "../../../evidence.ts";
import type { TableName } from "../../../inspect.ts";
import type { Connection } from "../../connection.ts";
import { makeScratchRoot } from "../../server/scratch-root.ts";
import { type Closed, closedOption, closedReady, openReady, type When } from "../closed.ts";
import { pageinspectMissing } from "../extensions.ts";
import { type LogWindow, logWindow } from "../log/window.ts";
import { columnsOf, recoveredTable } from "../pages/count.ts";
import { familiesOf, ownOrMoved, withUntold } from "../pages/untold.ts";
import { blindRole } from "../rights.ts";
import { number, plural, size } from "../say.ts";
import { onScratch } from "../scratch-files.ts";
import { tablesOf } from "../statement.ts";
import { scratchPart } from "../transplant/scratch.ts";
import { type Shapes, shapesOf } from "../transplant/shapes.ts";
import { throughScratch } from "../transplant/transplant.ts";
import { logAccess, logClosed } from "../wal/can.ts";
import { type Rebuilt, rebuildTables, type RebuildWork } from "../wal/rebuild.ts";
import { countedOrClosed, sumOf } from "./counted.ts";
import { pageTransplant } from "./page-transplant.ts";
import type { PathContext, RecoveryPath } from "./path.ts";
import { programsMissing } from "./programs.ts";

/** Rows out of the server's log, joined with what still stands on the pages: they come back after VACUUM took them. */
export const wal: RecoveryPath = {
  name: "wal",
  fits: ({ kind }) => kind === "one" || kind === "group",
  option: async (context, statement, watch, named) => {
    const connection = await context.target.catalogue();
    const closed = await whyClosed(context, connection, tablesOf(statement), "now");
    if (closed) return closedOption(base, closed);
    const window = await logWindow(connection);
    const onPages = await countedOrClosed(() => pageTransplant.count(context, statement, watch));
    if (onPages.closed) return closedOption(base, onPages.closed);
    const there = sumOf(onPages.counted, "rows");
    const told = there + sumOf(onPages.counted, "older");
    if (told >= statement.rows && sumOf(onPages.counted, "unknown") === 0) return notNeeded(window, there);
    if (named !== undefined && named !== base.path)
      return notCounted(window, statement, there, "another way was asked for");
    if (expectedMs(window, statement.rows) > patienceMs)
      return notCounted(window, statement, there, `to read ${size(Number(window.to - window.from))} of log takes long`);
    const all = await countedOrClosed(() => countThem(context, statement, watch));
    if (all.closed) return closedOption(base, all.closed);
    const { counted } = all;
    await context.recentLog(statement.value, () => Promise.resolve(counted.tables));
    const open = sumOf(onPages.counted, "unknown") > 0;
    return countedOption(counted, statement, window, { there, open });
  },
  ready: async (context, { tables, rows }) => {
    const connection = await context.target.catalogue();
    const closed = await whyClosed(context, connection, tables, "ahead");
    if (closed) return closedReady(base, closed);
    const window = await logWindow(connection);
    return openReady(base, {
      why: `The log tells of deleted rows after VACUUM took them: it goes back ${size(Number(window.to - window.from))} now.`,
      holds: "the log that tells of the rows is on the server: checkpoints remove it until the hold stands",
      takesMs: expectedMs(window, rows),
      loses: "what has no story in the log that is left.",
    });
  },
  count: (context, statement, watch) =>
    context.recentLog(statement.value, async () => (await countThem(context, statement, watch)).tables),
  parts: ({ target }, run) => [scratchPart(target, run)],
  recover: async (context, statement, run, watch) => {
    let isWhole = false;
    const recovered = await throughScratch(context.target, statement, run, async (folder, shapes) => {
      const rebuilt = await rebuild(context, statement, watch, { shapes, folder });
      isWhole = rebuilt.whole;
      return rebuilt.tables;
    });
    const asking = await context.target.catalogue();
    return { ...recovered, tables: await withUntold(asking, statement, recovered.tables, isWhole) };
  },
};

const base = {
  path: "wal",
  label: "Rows out of the server's log (WAL) and off the pages",
  needs: [
    "superuser, pageinspect and pg_walinspect on the target",
    "PostgreSQL programs of the same major version on this machine",
    "disk space on this machine for the part of the log that speaks of these tables",
  ],
  rescues: true,
} as const;

async function whyClosed(
  { target }: PathContext,
  connection: Connection,
  tables: readonly TableName[],
  when: When,
): Promise<Closed | null> {
  const blind = await blindRole(connection);
  if (blind) return blind;
  const closed = await logClosed(connection, when);
  if (closed) return closed;
  const missing = await pageinspectMissing(connection, when);
  if (missing) return missing;
  const { unfit } = await shapesOf(connection, tables);
  if (unfit.length > 0)
    return { why: `Rows can't be carried over: ${unfit.join("; ")}.`, opensWith: "Another recovery path." };
  return programsMissing(target, connection);
}

/** Where the pages have everything, nothing is read for the list alone. */
function notNeeded(window: LogWindow, rows: number): PathOption {
  return {
    ...base,
    feasible: true,
    why: "The pages still hold every row that is known of: the log was not read for more.",
    takesMs: expectedMs(window, rows),
    rows,
    loses: "nothing that is still on the pages. More than that is counted by nobody.",
    recommended: false,
  };
}

/** Nobody is kept waiting longer than this for the list alone. */
const patienceMs = 60_000;

/** Nobody is sent to the pages alone, which are known to lack some, because this was not counted. */
function notCounted(window: LogWindow, { rows }: Statement, there: number, because: string): PathOption {
  return {
    ...base,
    feasible: true,
    why: `The log was not counted: ${because}. What it has of the rows is counted when you choose this way.`,
    takesMs: expectedMs(window, rows),
    rows: null,
    loses: "what has no story in the log that is left: told before anything is brought back.",
    recommended: there < rows,
  };
}

interface Counted {
  readonly tables: readonly RecoveredTable[];
  /** The same as the replay gave them, before what nobody can tell was added. */
  readonly replayed: readonly RecoveredTable[];
  /** Rows that were moved to another partition, and may have been deleted there. */
  readonly movedOn: number;
  readonly whole: boolean;
}

/** What the pages alone have: rows, and whether something is left open. */
interface PagesHave {
  readonly there: number;
  readonly open: boolean;
}

function countedOption(
  counted: Counted,
  statement: Statement,
  window: LogWindow,
  { there, open }: PagesHave,
): PathOption {
  const rows = sumOf(counted.tables, "rows");
  const lost = sumOf(counted.tables, "lost");
  return {
    ...base,
    feasible: rows > 0,
    why:
      rows > 0
        ? `${foundWords(rows, there)}${beyondSearch(rows, statement)}`
        : "Neither the pages nor the log of today's files hold a row of this statement.",
    ...(rows > 0 ? {} : { opensWith: "A point-in-time clone, or another backup." }),
    takesMs: expectedMs(window, rows),
    rows,
    loses: [
      rows > 0 ? lossWords(counted) : `all ${rowsWords(statement)} rows.`,
      ...silentWords(counted.replayed, statement),
      totalWords(counted, statement, rows + lost + sumOf(counted.tables, "older")),
    ].join(" "),
    recommended: rows > there || (rows > 0 && open && isProved(counted, statement)),
  };
}

function foundWords(rows: number, there: number): string {
  if (there === 0) return `${number(rows)} rows can be put together from the log; no page holds one any more.`;
  return `${number(rows)} rows: ${number(there)} from their pages, ${number(rows - there)} from the log.`;
}

/** The list of statements was made from the newest of the log: what it left out is counted here. */
function beyondSearch(rows: number, statement: Statement): string {
  if (rows <= statement.rows) return "";
  const why = statement.most === undefined ? ": it reads less of the log" : "";
  return ` The list of statements knew of ${rowsWords(statement)}${why}.`;
}

function rowsWords({ rows, most }: Statement): string {
  if (most === undefined) return number(rows);
  return rows === 0 ? `up to ${number(most)}` : `${number(rows)} to ${number(most)}`;
}

function lossWords({ tables, movedOn }: Counted): string {
  const lost = sumOf(tables, "lost");
  const unknown = sumOf(tables, "unknown") - movedOn;
  const parts = [
    ...(lost > 0 ? [`${plural(lost, "row")} whose story begins before the log that is left`] : []),
    ...(unknown > 0 ? [`${plural(unknown, "version")} whose story can't be followed`] : []),
    ...(movedOn > 0
      ? [`up to ${plural(movedOn, "row")} that it moved to another partition and may have deleted there`]
      : []),
  ];
  return parts.length === 0 ? "nothing that the log tells of." : `${parts.join(", and ")}.`;
}

/** The log knows a table by its file alone: one that was made anew since has no story of the time before. */
function silentWords(tables: readonly RecoveredTable[], statement: Statement): readonly string[] {
  const silent = statement.tables.flatMap(({ table, rows }) => {
    const counted = tables.find((one) => one.table === table);
    const told = counted ? counted.rows + (counted.lost ?? 0) + counted.unknown + counted.moved + counted.updated : 0;
    return rows > 0 && told === 0 ? [`${table} (${number(rows)})`] : [];
  });
  if (silent.length === 0) return [];
  return [
    `Of ${silent.join(", ")} nothing: its file was made anew since (VACUUM FULL, TRUNCATE, ...), or the log begins later.`,
  ];
}

function isProved({ tables, replayed, whole }: Counted, statement: Statement): boolean {
  return whole && silentWords(replayed, statement).length === 0 && sumOf(tables, "unknown") === 0;
}

function totalWords(counted: Counted, statement: Statement, named: number): string {
  const { transactions } = statement;
  const { whole } = counted;
  if (isProved(counted, statement)) return `The log proves that ${number(named)} rows are all that it took.`;
  if (whole) return `At least ${plural(named, "row")}.`;
  return `At least ${plural(named, "row")}; ${transactions[0] === undefined ? "it" : `transaction ${transactions[0]}`} began before the oldest WAL we have.`;
}

/** Measured on two cores: 1.5 s to set up, 30 MB of log a second, 400,000 rows a second out of it. */
function expectedMs({ from, to }: LogWindow, rows: number): number {
  return Math.round(1500 + Number(to - from) / 30_000 + rows / 400);
}

async function countThem(context: PathContext, statement: Statement, watch: Watch): Promise<Counted> {
  const asking = await context.target.catalogue();
  const shapes = await shapesOf(asking, tablesOf(statement));
  const { tables, whole } = await rebuild(context, statement, watch, { shapes, folder: null });
  const counted: RecoveredTable[] = [];
  for (const { relation, settled, lost = 0, from = {} } of tables)
    counted.push({ ...recoveredTable(relation.table, await columnsOf(asking, relation.oid), settled), lost, from });
  const movedOn = ownOrMoved(counted, await familiesOf(asking, tablesOf(statement))).reduce(
    (sum, rows) => sum + rows,
    0,
  );
  return { tables: await withUntold(asking, statement, counted, whole), replayed: counted, movedOn, whole };
}

async function rebuild(
  { target, reading }: PathContext,
  statement: Statement,
  watch: Watch,
  into: { readonly shapes: Shapes; readonly folder: RebuildWork["folder"] },
): Promise<Rebuilt> {
  const asking = await target.catalogue();
  const { schema, closed } = await logAccess(asking);
  if (closed) throw closedFault(closed);
  const open = () => target.open("reading", { statement_timeout: "0", work_mem: "64MB" });
  const log = [await open(), await open(), await open()] as const;
  const spoolFolder = makeScratchRoot(target.request.machine.scratch);
  try {
    const work = {
      log,
      inspect: schema,
      asking,
      statement,
      spoolFolder,
      watch,
      reached: target.request.reached,
      ...into,
    };
    return await onScratch(() => reading((pages) => rebuildTables({ ...work, reading: pages })));
  } finally {
    await Promise.all(log.map((connection) => connection.close()));
  }
}

function closedFault({ why, opensWith }: Closed): Fault {
  return new Fault("HF-PG-LOG-CLOSED", why, { exit: "refused", still: "Nothing was changed.", hint: opensWith });
}
