import { z } from "zod";
import { Fault } from "../core/errors.ts";
import type { Json } from "../core/json.ts";
import type { Finding } from "../core/step.ts";
import type { Recovered, RecoveredTable } from "../engines/evidence.ts";
import type { Action, ActionContext, ReadContext } from "./action.ts";
import { countedLines } from "./counted-lines.ts";
import { noteRemoved } from "./note-removed.ts";
import { giveBackParts, takeParts } from "./recovery-parts.ts";
import { count, restLater, rowsBetween, some, sum } from "./say.ts";
import {
  besideShape,
  chosenPathShape,
  type RescuedTable,
  rescuedTableShape,
  rescueShape,
  statementShape,
} from "./shapes.ts";
import { giveBackSpent } from "./spent-leases.ts";

const amount = z.number().int().min(0);
const params = z.object({
  statement: statementShape,
  path: chosenPathShape,
  beside: besideShape.extend({ path: chosenPathShape }),
  rescue: rescueShape,
});
const result = z.object({
  ...rescueShape.shape,
  /** New rows; those that were there with other values; and those of the faster way that the clone does not know. */
  added: amount,
  differing: amount,
  apart: amount,
});
type Params = z.infer<typeof params>;
type Result = z.infer<typeof result>;

/** What came of one table, as its marker keeps it. */
const joinedTable = z.object({ ...rescuedTableShape.shape, added: amount, there: amount, differing: amount });
const joinedTables = z.object({ tables: z.array(joinedTable).readonly() });
type JoinedTable = z.infer<typeof joinedTable>;

export const rescueRest: Action<Params, Result> = {
  name: "rescue-rest",
  summary: "Waits for the clone, and adds to the rescue area what the faster way left out; no row comes twice",
  effect: "hold",
  recovery: ["transactional"],
  params,
  result,
  roles: { main: ["evidence", "rescueArea", "marker"] },

  async check() {
    return [];
  },

  async preview(ctx, wanted) {
    const expects = await expected(ctx, wanted);
    const { takesMs } = wanted.beside.path;
    const { rows: named, most = named } = wanted.statement;
    const later = Math.max(0, most - Math.max(named, wanted.rescue.rows));
    return {
      summary: `Add ${rowsBetween({ rows: expects.added, most: expects.added + later })} from the clone to the rescue area`,
      lines: [
        ...expects.tables.map((table) => `${table.table}: ${some(table.rows, "row")}${sources(table)}`),
        ...restLater(later),
        "The clone is waited for. Of a row that both have, the faster way's is kept.",
      ],
      counts: { rows: expects.added },
      ...(takesMs === null ? {} : { takesMs }),
      undo: "The rows go with the rescue area.",
      expects,
    };
  },

  async run(ctx, wanted) {
    const leases = await takeParts(ctx, wanted.statement, wanted.beside.path.path);
    const { tables } = await joined(ctx, wanted);
    await noteRemoved(ctx, wanted.statement, tables);
    await giveBackParts(ctx, leases);
    await giveBackSpent(ctx, true);
    return together(wanted, tables);
  },

  async verify(_ctx, { statement }, found) {
    return [...found.tables.flatMap((table) => tableFindings(table, found.area)), ...doubts(found, statement)];
  },

  undo: { words: "drop the rescue area" },
};

const item = "rest";

/** All tables in one transaction: its marker is either there with all of them, and then no clone is needed any more, or with none. */
async function joined(ctx: ActionContext, wanted: Params): Promise<z.infer<typeof joinedTables>> {
  const marked = await ctx.markers(`${ctx.step}:${item}`);
  const recovered = marked.some(({ done }) => done) ? null : await recover(ctx, wanted);
  try {
    const kept = await ctx.once(item, async (tx): Promise<Json> => {
      if (recovered === null) throw new Error("the marker was there, and is gone");
      const tables: JoinedTable[] = [];
      for (const table of recovered.tables) tables.push(await addOne(ctx, wanted, recovered, table, tx));
      return { tables };
    });
    return joinedTables.parse(kept);
  } finally {
    await recovered?.close();
  }
}

async function recover(ctx: ActionContext, { statement, beside }: Params): Promise<Recovered> {
  const evidence = ctx.capability("evidence");
  const { path } = beside.path;
  try {
    evidence.begin?.(statement, path, ctx.run, ctx);
    return await evidence.recover(statement, path, ctx.run, ctx);
  } catch (error) {
    throw error instanceof Fault ? withWayOn(error) : error;
  }
}

/** The faster way's rows are safe whatever becomes of the clone; nobody may give them up for it. */
function withWayOn(fault: Fault): Fault {
  const { code, message, ...draft } = fault.record;
  const goOn = "To go on without the clone: leave, then resume with --choose beside=none.";
  return new Fault(
    code,
    message,
    {
      ...draft,
      still: `The rows of the faster way are in the rescue area. ${draft.still ?? ""}`.trim(),
      hint: `${draft.hint ?? "Retry."} ${goOn}`,
      ...(draft.exit === "refused" ? { wayOn: "leave" } : {}),
    },
    { cause: fault },
  );
}

type Transaction = Parameters<Parameters<ActionContext["once"]>[1]>[0];

/** A count that differs ends the transaction, and with it what was added of the other tables. */
async function addOne(
  ctx: ActionContext,
  wanted: Params,
  recovered: Recovered,
  came: RecoveredTable,
  tx: Transaction,
): Promise<JoinedTable> {
  const { table, columns } = came;
  const tell = (rows: number) =>
    ctx.progress({ done: Math.min(rows, came.rows), total: came.rows, unit: "rows", note: table });
  const lines = countedLines(await recovered.rows(table), ctx.clock, tell);
  const { added, there, differing, ...filled } = await ctx
    .capability("rescueArea")
    .add(tx, ctx.run, table, columns, lines, whenDiffering(wanted));
  const before = wanted.rescue.tables.find((one) => one.table === table);
  if (added + there !== came.rows || filled.rows !== (before?.rows ?? 0) + added)
    throw countDiffers(table, came.rows, added + there);
  return { ...joinedOf(wanted, before, came, added), ...filled, added, there, differing };
}

/**
 * One transaction takes a row of a key once, so two ways that tell different things of it are a fault, and what was rescued first stays.
 * Several may take it again after somebody has put it back: of these the faster way may have lost the newest, and the clone has it.
 */
function whenDiffering({ statement }: Params): "stays" | "gives-way" {
  return statement.kind === "group" ? "gives-way" : "stays";
}

/** Of a table that the clone has, the clone's word counts: it saw all that the statement did, before and after. */
function joinedOf(
  { path, beside }: Params,
  before: RescuedTable | undefined,
  came: RecoveredTable,
  added: number,
): RescuedTable {
  const { rows: _rows, bytes: _bytes, from: _from, ...counts } = came;
  const fast = before?.rows ?? 0;
  const from = { ...(before?.from ?? (fast > 0 ? { [path.path]: fast } : {})), [beside.path.path]: added };
  const { columns } = before ?? came;
  return { ...counts, columns, rows: fast + added, lost: came.lost ?? 0, from, bytes: null, digest: null };
}

function together({ rescue, statement }: Params, joinedOnes: readonly JoinedTable[]): Result {
  const names = new Set(joinedOnes.map(({ table }) => table));
  const tables = [
    ...joinedOnes.map(({ added: _added, there: _there, differing: _differing, ...table }): RescuedTable => table),
    ...rescue.tables.filter(({ table }) => !names.has(table)),
  ];
  const fast = (name: string) => rescue.tables.find(({ table }) => table === name)?.rows ?? 0;
  const short = shortOf(statement, tables);
  return {
    area: rescue.area,
    tables,
    rows: sum(tables, (table) => table.rows),
    ...(short > 0 ? { short } : {}),
    added: sum(joinedOnes, (one) => one.added),
    differing: sum(joinedOnes, (one) => one.differing),
    apart: sum(joinedOnes, (one) => Math.max(0, fast(one.table) - one.there)),
  };
}

/** Before the clone stands, what the statement took and the faster way has not is all that is known of it. */
async function expected(ctx: ReadContext, wanted: Params): Promise<Result> {
  const { statement, beside, rescue } = wanted;
  const counted = await ctx.capability("evidence").count(statement, beside.path.path, ctx);
  const guessed = counted.map((came): JoinedTable => {
    const before = rescue.tables.find(({ table }) => table === came.table);
    const added = Math.max(0, came.rows - (before?.rows ?? 0));
    return { ...joinedOf(wanted, before, came, added), added, there: came.rows - added, differing: 0 };
  });
  return { ...together(wanted, guessed), apart: 0 };
}

function tableFindings(table: RescuedTable, area: string): readonly Finding[] {
  const { table: name, rows, lost = 0, unknown } = table;
  return [
    { level: "ok", text: `${name}: ${some(rows, "row")}${sources(table)} durable in ${area}` },
    ...(lost > 0 ? [{ level: "warn", text: `${name}: ${some(lost, "row")} lost` } as const] : []),
    ...(unknown > 0
      ? [{ level: "warn", text: `${name}: ${some(unknown, "row version")} left out: nobody can tell` } as const]
      : []),
  ];
}

/** Rows that the statement is known to have taken and that are in neither; older versions of a row are none. */
function shortOf({ rows: named }: Params["statement"], tables: readonly RescuedTable[]): number {
  const known = named - sum(tables, ({ rows, older = 0 }) => rows + older);
  return Math.max(
    known,
    sum(tables, ({ lost = 0 }) => lost),
  );
}

function doubts(found: Result, statement: Params["statement"]): readonly Finding[] {
  const { rows: named, kind } = statement;
  const { differing, apart, tables } = found;
  const short = shortOf(statement, tables);
  const newer = `${some(differing, "rescued row")} gave way to a newer version that the clone has`;
  return [
    ...(short > 0 ? [warning(`${count(short)} of the ${some(named, "row")} that it took are in neither`)] : []),
    ...(differing > 0 && kind === "group" ? [{ level: "note", text: newer } as const] : []),
    ...(differing > 0 && kind !== "group"
      ? [{ ...warning(`${some(differing, "row")} came with other values from the clone`), hint: lookAtBoth }]
      : []),
    ...(apart > 0
      ? [{ ...warning(`${some(apart, "rescued row")} of the faster way are not in the clone`), hint: lookAtBoth }]
      : []),
  ];
}

function warning(text: string): Finding {
  return { level: "warn", text };
}

const lookAtBoth =
  "One of the two ways is wrong, which must never happen: report it. The faster way's rows were kept; keep the rescue area, and compare with a new run by the path clone.";

function sources({ from = {} }: Pick<RescuedTable, "from">): string {
  const ways = Object.entries(from).filter(([, n]) => n > 0);
  return ways.length === 0 ? "" : ` (${ways.map(([way, n]) => `${count(n)} by ${way}`).join(", ")})`;
}

function countDiffers(table: string, said: number, came: number): Fault {
  return new Fault("HF-RESCUE-COUNT", `${table}: the clone told of ${some(said, "row")}, ${count(came)} came.`, {
    still: "The rescue area holds what the faster way brought, and nothing of the clone.",
    hint: "Retry. If it happens again, resume with --choose beside=none.",
    after: "none",
  });
}
