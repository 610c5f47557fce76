import { pipeline } from "node:stream/promises";
import { from as copyFrom } from "pg-copy-streams";
import { Fault } from "../../../core/errors.ts";
import type { RunId } from "../../../core/ids.ts";
import type { Transaction } from "../../engine.ts";
import type { TableName } from "../../inspect.ts";
import type { Filled } from "../../rescue-area.ts";
import { lockFreeShape } from "../catalogue.ts";
import type { Connection } from "../connection.ts";
import { postgresFault } from "../errors.ts";
import type { PostgresTarget } from "../target.ts";
import { connectionOf } from "../transaction.ts";
import { areaTables, type AreaTable, findArea, type KnownDuplicates } from "./area.ts";
import { comparison, isKeyed, keyColumns } from "./comparison.ts";
import { makeFileFolder, openRescueFile, type RescueFile, rescueFolder } from "./file.ts";
import { writeNote } from "./make.ts";

/**
 * From empty, whatever an earlier attempt left: its transaction rolled back, and its file is written over. The file is on disk before
 * this returns, so before the transaction can commit. Memory is constant.
 */
export async function fillArea(
  target: PostgresTarget,
  tx: Transaction,
  run: RunId,
  table: TableName,
  columns: readonly string[],
  rows: NodeJS.ReadableStream,
): Promise<Filled> {
  const connection = connectionOf(tx);
  const areas = await areaTables(connection, run, lockFreeShape);
  const area = findArea(areas, table, run);
  assertSameColumns(area, columns);
  const folder = rescueFolder(target.request.machine.scratch, run);
  makeFileFolder(
    folder,
    areas.map((one) => ({ table: one.table, columns: one.columns.map((column) => column.name) })),
  );
  const file = await openRescueFile(folder, area.rows);
  try {
    const copied = await copyRows(connection, area, rows, file);
    await file.finish();
    return await measure(connection, run, area, copied);
  } finally {
    await file.drop();
  }
}

function assertSameColumns(area: AreaTable, columns: readonly string[]): void {
  const same = columns.length === area.columns.length && area.columns.every((one, at) => one.name === columns[at]);
  if (!same) throw new Error(`rows of ${area.table} come with other columns than the rescue area was made for`);
}

export interface Copied {
  readonly rows: number;
  readonly bytes: number;
}

/** The ordinal comes from the table's own counter, restarted here: COPY keeps the order of the rows, so it is 1, 2, 3, … in key order. */
async function copyRows(
  connection: Connection,
  area: AreaTable,
  rows: NodeJS.ReadableStream,
  file: RescueFile,
): Promise<Copied> {
  const doing = `copying the rows of ${area.table} into the rescue area`;
  await connection.run(doing, `alter table ${area.rows} drop constraint if exists ${keyName(area)}`);
  await connection.run(doing, `truncate ${area.rows} restart identity`);
  const own = area.columns.map((column) => column.quoted);
  const columns = area.values === null ? own : [area.place, ...own];
  const into = connection.client.query(copyFrom(`copy ${area.rows} (${columns.join(", ")}) from stdin`));
  const copied = { bytes: 0 };
  try {
    await pipeline(rows, (source: AsyncIterable<Buffer | string>) => toFile(source, file, copied), into);
  } catch (error) {
    throw copyFault(error, doing);
  }
  await addKey(connection, area);
  return { rows: into.rowCount, bytes: copied.bytes };
}

function keyName({ rows }: AreaTable): string {
  return `${rows.slice(rows.indexOf(".") + 1)}_key`;
}

/** When the rows are there: built at once, it takes a fraction of the time. */
export async function addKey(connection: Connection, area: AreaTable): Promise<void> {
  const sql = `alter table ${area.rows} add constraint ${keyName(area)} primary key (${area.ordinal})`;
  await connection.run(`copying the rows of ${area.table} into the rescue area`, sql);
}

async function* toFile(
  source: AsyncIterable<Buffer | string>,
  file: RescueFile,
  copied: { bytes: number },
): AsyncGenerator<Buffer> {
  for await (const part of source) {
    const chunk = typeof part === "string" ? Buffer.from(part) : part;
    const written = file.write(chunk);
    written.catch(() => undefined); // awaited below; the server may end the stream before
    copied.bytes += chunk.length;
    yield chunk;
    await written;
  }
}

/** What the server refused is rewritten; what failed on our side of the stream (the file, the evidence) keeps its own words. */
export function copyFault(error: unknown, doing: string): unknown {
  const code = (error as { code?: unknown }).code;
  const fromServer = typeof code === "string" && /^[0-9A-Z]{5}$/.test(code);
  return fromServer || !(error instanceof Fault) ? postgresFault(error, doing, "writing") : error;
}

/** Proves how many rows the table has and that their ordinals have no gap, then notes what it holds. */
export async function measure(connection: Connection, run: RunId, area: AreaTable, copied: Copied): Promise<Filled> {
  const doing = `counting the rescued rows of ${area.table}`;
  const content = area.columns.map((column) => `r.${column.quoted}`).join(", ");
  const sql = `select count(*)::text as rows, coalesce(max(r.${area.ordinal}), 0)::text as last,
    coalesce(sum(hashtextextended(row(${content})::text, 0)::numeric), 0)::text as digest from ${area.rows} as r`;
  const { rows, last, digest } = await connection.row(doing, sql);
  if (Number(rows) !== copied.rows || Number(last) !== copied.rows) {
    throw new Error(`${area.rows} holds ${rows} rows up to ${last} in place of ${copied.rows}`);
  }
  await connection.run(doing, `analyze ${area.rows}`);
  const filled = { ...copied, digest: digest ?? "0" };
  const known = await countDuplicates(connection, area);
  const values = area.values === null ? {} : { values: area.values };
  await writeNote(connection, area.rows, { run, table: area.table, filled: { ...filled, ...known }, ...values });
  return filled;
}

async function countDuplicates(connection: Connection, area: AreaTable): Promise<KnownDuplicates> {
  const one = comparison(area);
  if (!isKeyed(one)) return { key: null, duplicates: 0 };
  const by = keyColumns(one).map((column) => `r.${column.quoted}`);
  const doing = `looking for duplicates in ${area.rows}`;
  // The rows lie in key order, mostly: counting keys so takes a third of the time that groups of them take.
  const counted = `select (count(*) = count(distinct ${by.length === 1 ? by[0] : `(${by.join(", ")})`}))::text as each from ${area.rows} as r`;
  const { each } = await connection.row(doing, counted);
  if (each === "true") return { key: one.key.name, duplicates: 0 };
  const sql = `select count(*)::text as duplicates from (select from ${area.rows} as r group by ${by.join(", ")} having count(*) > 1) as twice`;
  const { duplicates } = await connection.row(doing, sql);
  return { key: one.key.name, duplicates: Number(duplicates) };
}
