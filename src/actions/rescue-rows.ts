import { z } from "zod";
import { Fault } from "../core/errors.ts";
import type { Finding, Preview } from "../core/step.ts";
import type { Recovered, RecoveredTable } from "../engines/evidence.ts";
import type { Filled } from "../engines/rescue-area.ts";
import type { Action, ActionContext, ReadContext } from "./action.ts";
import { countedLines } from "./counted-lines.ts";
import { noteRemoved } from "./note-removed.ts";
import { count, restLater, rowsBetween, size, some, sum } from "./say.ts";
import { takeParts } from "./recovery-parts.ts";
import { giveBackSpent } from "./spent-leases.ts";
import { besideShape, chosenPathShape, type Rescue, type RescuedTable, rescueShape, statementShape } from "./shapes.ts";

const params = z.object({
  statement: statementShape,
  path: chosenPathShape,
  /** Where a clone is being built beside, what is missing here comes from it. */
  beside: besideShape.nullish(),
});
type Params = z.infer<typeof params>;

export const rescueRows: Action<Params, Rescue> = {
  name: "rescue-rows",
  summary: "Brings the lost rows into a rescue area of our own on the target; the user's tables are not touched",
  effect: "hold",
  recovery: ["transactional"],
  params,
  result: rescueShape,
  roles: { main: ["evidence", "rescueArea", "marker"] },

  /** A pin that was lost makes haste the better course: what is left is counted, so it warns and does not stop. */
  async check(ctx) {
    const held = await ctx.capability("evidence").held(ctx.leases());
    return held.map((finding) => (finding.level === "stop" ? { ...finding, level: "warn" } : finding));
  },

  async preview(ctx, { statement, path, beside }) {
    if (statement.kind === "rewrite" || statement.kind === "drop") return wholeTables(ctx, { statement, path });
    const tables = await ctx.capability("evidence").count(statement, path.path, ctx);
    const rows = sum(tables, (table) => table.rows);
    const bytes = tables.every((table) => table.bytes !== undefined) ? sum(tables, (table) => table.bytes ?? 0) : null;
    const later = path.path === slow ? (statement.most ?? statement.rows) - statement.rows : 0;
    const expects: Rescue = {
      area: ctx.capability("rescueArea").name(ctx.run),
      tables: tables.map((table) => rescued(table, null)),
      rows,
      ...leftBehind(statement, tables, rows),
    };
    return {
      summary: `Bring ${statement.values ? "the former values of " : ""}${rowsBetween({ rows, most: rows + later })} into the rescue area ${expects.area}`,
      lines: [
        ...tables.map(tableLine),
        ...restLater(later),
        ...placeLines(ctx, bytes),
        ...shortfall(statement.rows, rows + olderOf(tables), beside),
      ],
      counts: { rows },
      ...(bytes === null ? {} : { bytes }),
      ...(path.takesMs === null ? {} : { takesMs: path.takesMs }),
      undo,
      expects,
    };
  },

  async run(ctx, { statement, path, beside }) {
    const scratch = await takeParts(ctx, statement, path.path);
    const recovered = await ctx.capability("evidence").recover(statement, path.path, ctx.run, ctx);
    const tables = await fillAndClose(ctx, recovered, isLast(beside));
    await noteRemoved(ctx, statement, tables);
    for (const lease of scratch.toReversed()) await ctx.releaseLease(lease);
    if (isLast(beside)) await giveBackSpent(ctx, true);
    const rows = sum(tables, (table) => table.rows);
    return {
      area: ctx.capability("rescueArea").name(ctx.run),
      tables,
      rows,
      ...leftBehind(statement, tables, rows),
    };
  },

  async verify(_ctx, { statement, beside }, { tables, area, rows, uncounted: text }) {
    const short = isLast(beside) ? shortfall(statement.rows, rows + olderOf(tables), beside) : [];
    const findings = tables.flatMap((table): readonly Finding[] => [
      { level: "ok", text: `${table.table}: ${some(table.rows, "row")}${sourcesOf(table)} durable in ${area}` },
      ...(table.older ? [{ level: "note", text: `${table.table}: ${olderWords(table.older)}` } as const] : []),
      ...(table.lost ? [{ level: "warn", text: `${table.table}: ${some(table.lost, "row")} lost` } as const] : []),
      ...(table.unknown > 0 ? [{ level: "warn", text: `${table.table}: ${leftOut(table.unknown)}` } as const] : []),
    ]);
    return [
      ...findings,
      ...(text === undefined || !isLast(beside) ? [] : [notCounted(text)]),
      ...short.map((text) => ({ level: "warn", text, ...laterWords(beside) }) as const),
    ];
  },

  undo: { words: "drop the rescue area" },
};

/** The number that came back is no proof that nothing is missing where nobody could count what went. */
function notCounted(text: string): Finding {
  const hint =
    "Compare with a backup: with one in holdfast.yaml (backup:), a new run counts them, and brings them back.";
  return { level: "warn", text: `NOT COUNTED: ${text}`, hint };
}

/** Told whatever is still to come: where a clone fails and the run goes on without it, this is what stays. */
function leftBehind(
  { rows: named, uncounted }: Params["statement"],
  tables: readonly Pick<RescuedTable, "older" | "lost">[],
  rows: number,
): Pick<Rescue, "short" | "uncounted"> {
  const lost = sum(tables, (table) => table.lost ?? 0);
  const short = Math.max(named - rows - olderOf(tables), lost);
  return { ...(short > 0 ? { short } : {}), ...(uncounted === undefined ? {} : { uncounted }) };
}

function olderOf(tables: readonly Pick<RescuedTable, "older">[]): number {
  return sum(tables, ({ older = 0 }) => older);
}

function olderWords(older: number): string {
  return `${some(older, "older version")} left out, of rows that were put back and then taken again: the newest came back`;
}

function leftOut(unknown: number): string {
  return `${some(unknown, "row version")} left out, since nobody can tell whether the statement took ${unknown === 1 ? "it" : "them"}`;
}

/** It counts what the statement surely took, and the rest when it stands. */
const slow = "clone";

const undo = "The rescue area is dropped at the end of the run, or kept until you drop it, if you say so.";

/** What went with a table's whole file is counted by nothing but reading it: any number here would be a guess. */
function wholeTables(ctx: ReadContext, { statement: { tables }, path }: Params): Preview {
  return {
    summary: `Bring all rows that ${some(tables.length, "table")} had just before it into the rescue area ${ctx.capability("rescueArea").name(ctx.run)}`,
    lines: [...tables.map(({ table }) => `${table}: all rows`), ...placeLines(ctx, null)],
    counts: { tables: tables.length },
    ...(path.takesMs === null ? {} : { takesMs: path.takesMs }),
    undo,
    incomplete: "How many rows: they are counted when they are read.",
  };
}

/** Nothing is to come after this: then an evidence of which nothing is left ends the run, and what another try would need goes. */
function isLast(beside: Params["beside"]): boolean {
  return beside?.starts !== true;
}

function laterWords(beside: Params["beside"]): { readonly hint?: string } {
  if (beside?.path === undefined) return {};
  return { hint: "A clone has them: take the path clone in a new run, as long as backup and log are kept." };
}

async function fillAndClose(ctx: ActionContext, recovered: Recovered, last: boolean): Promise<readonly RescuedTable[]> {
  try {
    return await fillArea(ctx, recovered, last);
  } finally {
    await recovered.close();
  }
}

async function fillArea(ctx: ActionContext, recovered: Recovered, last: boolean): Promise<readonly RescuedTable[]> {
  const total = sum(recovered.tables, (table) => table.rows);
  if (total === 0 && last) throw nothingLeft();
  await ctx.lease(ctx.capability("rescueArea").part(ctx.run, recovered.tables));
  const filled: RescuedTable[] = [];
  for (const [index, table] of recovered.tables.entries()) {
    const before = sum(filled, (one) => one.rows);
    const note = `${table.table}, table ${index + 1} of ${recovered.tables.length}`;
    const tell = (rows: number) =>
      ctx.progress({ done: before + Math.min(rows, table.rows), total, unit: "rows", note });
    tell(0);
    filled.push(rescued(table, await fillTable(ctx, recovered, table, tell)));
  }
  ctx.progress({ done: total, total, unit: "rows" });
  return filled;
}

/** A count that differs ends the transaction, so that no half of a table is ever taken for the whole. */
function fillTable(
  ctx: ActionContext,
  recovered: Recovered,
  { table, columns, rows }: RecoveredTable,
  tell: (rows: number) => void,
) {
  return ctx.once(table, async (tx) => {
    const area = ctx.capability("rescueArea");
    const filled = await area.fill(
      tx,
      ctx.run,
      table,
      columns,
      countedLines(await recovered.rows(table), ctx.clock, tell),
    );
    if (filled.rows !== rows) throw countDiffers(table, rows, filled.rows);
    return { rows: filled.rows, bytes: filled.bytes, digest: filled.digest };
  });
}

function rescued(table: RecoveredTable, filled: Filled | null): RescuedTable {
  const { bytes: _about, ...counted } = table;
  return { ...counted, bytes: filled?.bytes ?? null, digest: filled?.digest ?? null };
}

function tableLine({ table, rows, updated, moved, own, unknown, lost, older, from }: RecoveredTable): string {
  const others = [
    [updated, "updated, not deleted"],
    [moved, "moved to another partition"],
    [own, "made by the same transaction"],
    [unknown, "can't be told and stay out"],
    [lost ?? 0, "lost"],
    [older ?? 0, `older ${older === 1 ? "version of a row" : "versions of rows"} that it took again, left out`],
  ] as const;
  const aside = others.filter(([n]) => n > 0).map(([n, what]) => `${count(n)} ${what}`);
  return [`${table}: ${some(rows, "row")}${sourcesOf({ from })}`, ...aside].join("; ");
}

/** Told where more than one way gave rows. */
function sourcesOf({ from = {} }: { readonly from?: RecoveredTable["from"] | undefined }): string {
  const ways = Object.entries(from).filter(([, n]) => n > 0);
  return ways.length < 2 ? "" : ` (${ways.map(([way, n]) => `${count(n)} by ${way}`).join(", ")})`;
}

/** Rows leave the server for a file: whoever answers for them must know where, how much, and who can read it. */
function placeLines(ctx: ReadContext, bytes: number | null): readonly string[] {
  const area = ctx.capability("rescueArea");
  const folder = area.folder?.(ctx.run);
  const much = bytes === null ? "Their size is known once they are read" : `about ${size(bytes)}`;
  const here = folder === undefined ? "" : `; the same once more in files here, mode 0600: ${folder}`;
  return [`${much}, stored in ${area.name(ctx.run)} on the server${here}`];
}

function shortfall(named: number, found: number, beside: Params["beside"]): readonly string[] {
  if (found >= named) return [];
  if (!isLast(beside)) return [`${count(named - found)} more are to come from the clone.`];
  return [`${count(named - found)} of the ${some(named, "row")} that the statement took can't come back this way.`];
}

function nothingLeft(): Fault {
  return new Fault("HF-RESCUE-EMPTY", "This path hands out no row: nothing of the evidence is left.", {
    still: "Nothing was made on the target beyond the leases.",
    wayOn: "abandon",
    hint: "Give this run up and restore the table from a backup, beside the live one.",
  });
}

function countDiffers(table: string, said: number, came: number): Fault {
  return new Fault("HF-RESCUE-COUNT", `${table}: the evidence holds ${some(said, "row")}, ${count(came)} came.`, {
    still: "The rescue area holds nothing of this table; the evidence is still frozen.",
    hint: "Retry. If it happens again, choose another path.",
    after: "none",
  });
}
