import { pipeline } from "node:stream/promises";
import { from as copyFrom, to as copyTo } from "pg-copy-streams";
import { Fault } from "../../../core/errors.ts";
import type { RunId } from "../../../core/ids.ts";
import type { Transaction } from "../../engine.ts";
import type { TableName } from "../../inspect.ts";
import type { Added } from "../../rescue-area.ts";
import { lockFreeShape } from "../catalogue.ts";
import type { Connection } from "../connection.ts";
import type { PostgresTarget } from "../target.ts";
import { connectionOf } from "../transaction.ts";
import { areaTables, type AreaTable, assertNotEmptied, findArea } from "./area.ts";
import { comparison, isKeyed, isSameRow, keyColumns, type Keyed, sameKey } from "./comparison.ts";
import { makeFileFolder, openRescueFile, rescueFolder } from "./file.ts";
import { addKey, copyFault, measure } from "./fill.ts";
import { addPlace } from "./make.ts";

/**
 * Rows of another path go into a table beside, which ends with the transaction; what the area lacks of them is appended, with ordinals that
 * go on without a gap. The file is written anew from the table, and takes the old one's place before the transaction can commit.
 */
export async function addToArea(
  target: PostgresTarget,
  tx: Transaction,
  run: RunId,
  { table, columns, rows, differing: how }: Coming,
): Promise<Added> {
  const connection = connectionOf(tx);
  const area = await placeFor(connection, run, table, columns);
  assertSameColumns(area, columns);
  await assertNotEmptied(connection, area);
  const joining = await cameBeside(connection, area, columns, rows);
  const differing = how === "stays" ? await countDiffering(connection, joining) : await giveWay(connection, joining);
  const added = await appendNew(connection, joining);
  await connection.run("adding to the rescue area", `drop table ${joining.came}`);
  if (area.filled === null) await addKey(connection, area);
  const total = (area.filled?.rows ?? 0) + added;
  const bytes = await writeFile(target, connection, run, area);
  const filled = await measure(connection, run, area, { rows: total, bytes });
  return { rows: filled.rows, bytes, digest: filled.digest, added, there: joining.rows - added, differing };
}

interface Coming {
  readonly table: TableName;
  readonly columns: readonly string[];
  readonly rows: NodeJS.ReadableStream;
  readonly differing: "stays" | "gives-way";
}

async function placeFor(
  connection: Connection,
  run: RunId,
  table: TableName,
  columns: readonly string[],
): Promise<AreaTable> {
  const areas = await areaTables(connection, run, lockFreeShape);
  if (areas.some((one) => one.table === table)) return findArea(areas, table, run);
  await addPlace(connection, run, { table, columns });
  return findArea(await areaTables(connection, run, lockFreeShape), table, run);
}

/** A column that the other path does not know would be left empty where the row has a value. */
function assertSameColumns(area: AreaTable, columns: readonly string[]): void {
  const ours = area.columns.map(({ name }) => name);
  const differ = [...ours.filter((name) => !columns.includes(name)), ...columns.filter((name) => !ours.includes(name))];
  if (differ.length === 0) return;
  throw new Fault("HF-PG-RESCUE-COLUMNS", `${area.table} had other columns then: ${differ.join(", ")}`, {
    exit: "refused",
    still: "What was rescued before is in the rescue area; nothing was added to it.",
    hint: "Rows without these columns can't stand beside those that have them.",
  });
}

/** The rows that came, in a table of ours beside the rescued ones. */
interface Joining {
  readonly area: AreaTable;
  readonly compared: Keyed | null;
  readonly came: string;
  readonly rows: number;
}

async function cameBeside(
  connection: Connection,
  area: AreaTable,
  columns: readonly string[],
  rows: NodeJS.ReadableStream,
): Promise<Joining> {
  const doing = `copying more rows of ${area.table} into the rescue area`;
  const came = area.rows.replace(/\.t(\d+)$/, ".a$1");
  await connection.run(
    doing,
    `create unlogged table ${came} as select ${listed(area, "r")} from ${area.rows} as r with no data`,
  );
  const named = columns.flatMap((name) => area.columns.find((one) => one.name === name)?.quoted ?? []).join(", ");
  const into = connection.client.query(copyFrom(`copy ${came} (${named}) from stdin`));
  try {
    await pipeline(rows, into);
  } catch (error) {
    throw copyFault(error, doing);
  }
  await connection.run(doing, `analyze ${came}`);
  const compared = comparison(area);
  return { area, compared: isKeyed(compared) ? compared : null, came, rows: into.rowCount };
}

function listed({ columns }: AreaTable, alias: string): string {
  return columns.map(({ quoted }) => `${alias}.${quoted}`).join(", ");
}

function keyOf(compared: Keyed, alias: string): string {
  return keyColumns(compared)
    .map(({ quoted }) => `${alias}.${quoted}`)
    .join(", ");
}

async function countDiffering(connection: Connection, { area, compared, came }: Joining): Promise<number> {
  if (compared === null) return 0;
  const sql = `select count(*)::text as differing from ${came} as a join ${area.rows} as r on ${sameKey(compared, "a")}
    where not ${isSameRow(compared, "a", "r")}`;
  return Number((await connection.row(`comparing two ways to the rows of ${area.table}`, sql)).differing);
}

/** Under the ordinals that they have. Without a key no row is known to be another version of one. */
async function giveWay(connection: Connection, { area, compared, came }: Joining): Promise<number> {
  if (compared === null) return 0;
  const values = area.columns.map(({ quoted }) => `${quoted} = a.${quoted}`).join(", ");
  const sql = `update ${area.rows} as r set ${values} from ${came} as a
    where ${sameKey(compared, "a")} and not ${isSameRow(compared, "a", "r")}`;
  return connection.run(`renewing rescued rows of ${area.table}`, sql);
}

/** Their number by the server's own count, which `measure` proves again. */
function appendNew(connection: Connection, joining: Joining): Promise<number> {
  const { area } = joining;
  const last = area.filled?.rows ?? 0;
  const names = area.columns.map(({ quoted }) => quoted).join(", ");
  const sql = `insert into ${area.rows} (${area.ordinal}, ${names}) overriding system value ${newRows(joining, last)}`;
  return connection.run(`adding rows of ${area.table} to the rescue area`, sql);
}

function newRows({ area, compared, came }: Joining, last: number): string {
  const columns = listed(area, "a");
  if (compared !== null)
    return `select ${last} + row_number() over (order by ${keyOf(compared, "a")}), ${columns} from ${came} as a
      where not exists (select from ${area.rows} as r where ${sameKey(compared, "a")})`;
  const text = (alias: string) => `row(${listed(area, alias)})::text collate pg_catalog."C"`;
  return `select ${last} + row_number() over (), ${columns} from (
      select a.*, ${text("a")} as content_${area.ordinal}, row_number() over (partition by ${text("a")}) as nth_${area.ordinal} from ${came} as a) as a
    left join (select ${text("r")} as content, count(*) as many from ${area.rows} as r group by 1) as r on r.content = a.content_${area.ordinal}
    where a.nth_${area.ordinal} > coalesce(r.many, 0)`;
}

/** In the order of the ordinals, as a fill writes it; gives its size. */
async function writeFile(target: PostgresTarget, connection: Connection, run: RunId, area: AreaTable): Promise<number> {
  const doing = `writing the rescued rows of ${area.table} into their file`;
  const folder = rescueFolder(target.request.machine.scratch, run);
  const areas = await areaTables(connection, run, lockFreeShape);
  makeFileFolder(
    folder,
    areas.map((one) => ({ table: one.table, columns: one.columns.map(({ name }) => name) })),
  );
  const file = await openRescueFile(folder, area.rows, "beside");
  let bytes = 0;
  try {
    const sql = `copy (select ${listed(area, "r")} from ${area.rows} as r order by r.${area.ordinal}) to stdout`;
    for await (const chunk of connection.client.query(copyTo(sql)) as AsyncIterable<Buffer>) {
      await file.write(chunk);
      bytes += chunk.length;
    }
    await file.finish();
    return bytes;
  } catch (error) {
    throw copyFault(error, doing);
  } finally {
    await file.drop();
  }
}
