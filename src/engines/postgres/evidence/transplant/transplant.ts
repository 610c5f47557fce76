import path from "node:path";
import { pipeline } from "node:stream";
import { to as copyTo } from "pg-copy-streams";
import { Fault } from "../../../../core/errors.ts";
import type { RunId } from "../../../../core/ids.ts";
import type { Watch } from "../../../engine.ts";
import type { Recovered, Replaced, Statement } from "../../../evidence.ts";
import type { TableName } from "../../../inspect.ts";
import type { Connection } from "../../connection.ts";
import { type PrivateServer, removeServer } from "../../server/private-server.ts";
import type { PostgresTarget } from "../../target.ts";
import { recoveredTable } from "../pages/count.ts";
import { pageSize } from "../pages/layout.ts";
import { multixacts } from "../pages/multixact.ts";
import { newestOf } from "../pages/newest.ts";
import { pageSource, type Relation, relations } from "../pages/relation.ts";
import { majorVersion } from "../server.ts";
import { onScratch } from "../scratch-files.ts";
import { replacedBy, withValues } from "../replaced.ts";
import { askedOf, membersOf, tablesOf } from "../statement.ts";
import { type CopiedTable, copyTable } from "./copy-pages.ts";
import { columnName, type TableShape, tableName } from "./schema.ts";
import { withReplaced } from "./replaced-places.ts";
import { placeFiles, prepareScratch, scratchFolder, startFilled } from "./scratch.ts";
import { type Shapes, shapesOf } from "./shapes.ts";

/**
 * Brings the rows that the statement took to life in a throw-away server of the same major version: its tables get production's ids,
 * its files get production's pages. Nothing is written on the target.
 */
export async function transplant(
  target: PostgresTarget,
  reading: Connection,
  statement: Statement,
  run: RunId,
  watch: Watch,
): Promise<Recovered> {
  return throughScratch(target, statement, run, async (folder) =>
    copyPages(reading, await target.catalogue(), statement, folder, watch),
  );
}

/** The same with whatever fills the tables' files; `fill` writes them below the folder that it is given. */
export function throughScratch(
  target: PostgresTarget,
  statement: Statement,
  run: RunId,
  fill: Fill,
): Promise<Recovered> {
  return onScratch(() => filled(target, statement, run, fill));
}

type Fill = (folder: string, shapes: Shapes) => Promise<readonly CopiedTable[]>;

async function filled(target: PostgresTarget, statement: Statement, run: RunId, fill: Fill): Promise<Recovered> {
  const asking = await target.catalogue();
  const shapes = await shapesOf(asking, tablesOf(statement));
  if (shapes.unfit.length > 0) throw unfitFault(shapes.unfit);
  const folder = scratchFolder(target, run);
  await removeServer(folder); // what an earlier try left
  const [prepared, copied] = await both(
    prepareScratch(target, folder, await majorVersion(asking), shapes),
    fill(path.join(folder, "pages"), shapes),
  );
  for (const { relation, heap, toast } of copied) {
    placeFiles(folder, prepared.files.get(relation.oid) ?? "", heap);
    if (relation.toast && toast) placeFiles(folder, prepared.files.get(relation.toast.oid) ?? "", toast);
  }
  const server = await startFilled(prepared.binaries, folder, shapes);
  return recovered(server, shapes, copied, await replacedBy(asking, statement));
}

/** Both at once; when one fails the other is still waited for, so that nothing works on in a folder that is gone. */
async function both<A, B>(a: Promise<A>, b: Promise<B>): Promise<readonly [A, B]> {
  await Promise.allSettled([a, b]);
  return [await a, await b];
}

async function copyPages(
  reading: Connection,
  asking: Connection,
  statement: Statement,
  folder: string,
  watch: Watch,
): Promise<readonly CopiedTable[]> {
  const found = await relations(reading, tablesOf(statement));
  const total = found.reduce((sum, one) => sum + allBlocks(one), 0);
  const source = await pageSource(reading, total * pageSize);
  const multis = multixacts(asking);
  const copied: CopiedTable[] = [];
  let done = 0;
  for (const relation of found) {
    const seen = (pages: number) =>
      watch.progress({ done: (done += pages), total, unit: "pages", note: relation.table });
    const job = { source, multis, members: membersOf(statement), asked: askedOf(statement), folder, watch, seen };
    const newest = statement.values ? null : await newestOf(asking, statement, relation.table);
    copied.push(await copyTable(job, relation, newest));
  }
  return copied;
}

function allBlocks({ blocks, toast }: Relation): number {
  return blocks + (toast?.blocks ?? 0);
}

/** On the pages of the statement's tables, long values included. */
export async function bytesToRead(reading: Connection, statement: Statement): Promise<number> {
  const found = await relations(reading, tablesOf(statement));
  return found.reduce((sum, relation) => sum + allBlocks(relation) * pageSize, 0);
}

async function recovered(
  server: PrivateServer,
  shapes: Shapes,
  copied: readonly CopiedTable[],
  replacedOf: (table: TableName) => Replaced | null,
): Promise<Recovered> {
  const connections: Connection[] = [];
  const close = async () => {
    await Promise.all(connections.map((connection) => connection.close()));
    await server.stop("immediate");
  };
  const open = async () => {
    const connection = await server.connect("postgres", "reading");
    connections.push(connection);
    return connection;
  };
  try {
    await proveCounts(await open(), copied);
  } catch (error) {
    await close();
    throw error;
  }
  const shapeOf = (table: TableName) => shapes.tables.find((shape) => shape.table === table);
  return {
    tables: copied.map(({ relation, settled, lost, from }) => {
      const columns = (shapeOf(relation.table)?.columns ?? []).filter(isCarried).map(({ name }) => name);
      return {
        ...recoveredTable(relation.table, columns, settled),
        ...(lost === undefined ? {} : { lost }),
        ...(from === undefined ? {} : { from }),
        ...withValues(replacedOf(relation.table)),
      };
    }),
    rows: async (table) => {
      const shape = shapeOf(table);
      if (!shape) throw new Error(`nothing of ${table} was recovered`);
      const places = copied.find(({ relation }) => relation.table === table)?.replaced;
      const rows = (await open()).client.query(copyTo(copyStatement(shape, places !== undefined)));
      if (places === undefined) return rows;
      const translated = withReplaced(places);
      // An error at either end ends the other; who reads the result sees it.
      pipeline(rows, translated, () => undefined);
      return translated;
    },
    close,
  };
}

function isCarried({ dropped, generated }: TableShape["columns"][number]): boolean {
  return !dropped && !generated;
}

/** By key; a table without one, in the order of its pages. */
function copyStatement(shape: TableShape, places: boolean): string {
  const columns = [...(places ? ["ctid"] : []), ...shape.columns.filter(isCarried).map(columnName)].join(", ");
  const key =
    shape.columns.length > 0 && shape.key.length > 0 ? shape.key.map((number) => `c${number}`).join(", ") : "ctid";
  return `COPY (SELECT ${columns} FROM ${tableName(shape.oid)} ORDER BY ${key}) TO STDOUT`;
}

/** What the scratch server sees must be what the pages said. */
async function proveCounts(connection: Connection, copied: readonly CopiedTable[]): Promise<void> {
  for (const { relation, settled } of copied) {
    const sql = `SELECT count(*)::text AS rows FROM ${tableName(relation.oid)}`;
    const rows = Number((await connection.row("counting what came back", sql)).rows);
    if (rows === settled.rows) continue;
    throw new Fault(
      "HF-EVIDENCE-COUNT",
      `${rows} rows of ${relation.table} came back, the pages held ${settled.rows}`,
      {
        exit: "not-proved",
        still: "Nothing was written on the target, and the evidence is still held.",
        hint: "Try again; report it when it happens twice.",
      },
    );
  }
}

function unfitFault(unfit: readonly string[]): Fault {
  return new Fault("HF-PG-TRANSPLANT-CLOSED", `pages can't be carried over: ${unfit.join("; ")}`, {
    exit: "refused",
    still: "Nothing was changed.",
    hint: "Choose another recovery path.",
  });
}
