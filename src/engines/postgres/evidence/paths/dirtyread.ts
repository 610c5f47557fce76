import { Fault } from "../../../../core/errors.ts";
import type { Watch } from "../../../engine.ts";
import type { Recovered, RecoveredTable, Statement } from "../../../evidence.ts";
import type { TableName } from "../../../inspect.ts";
import { type Closed, closedOption, closedReady, openReady } from "../closed.ts";
import { extension, whyClosed, whyNotHere } from "../dirtyread/can.ts";
import { judge, type Judged } from "../dirtyread/judge.ts";
import { cancelBy, copyStreams, countBySql } from "../dirtyread/session.ts";
import { type Query, queryFor } from "../dirtyread/sql.ts";
import { extensionSchema } from "../extensions.ts";
import { extensionPart } from "../freeze/extension.ts";
import { recoveredTable } from "../pages/count.ts";
import { withUntold } from "../pages/untold.ts";
import { number } from "../say.ts";
import { bytesToRead } from "../transplant/transplant.ts";
import { countedOrClosed, sumOf } from "./counted.ts";
import { hasAll, heldByPages, lossOfPages } from "./loss.ts";
import { pageTransplant } from "./page-transplant.ts";
import type { PathContext, RecoveryPath } from "./path.ts";

/** Dead rows by SQL on the target itself: no programs here, and any type. The raw pages still judge which rows. */
export const dirtyread: RecoveryPath = {
  name: "pg-dirtyread",
  fits: ({ kind, values }) => !values && (kind === "one" || kind === "group"),
  option: async (context, statement, watch) => {
    const closed = await whyClosed(context.target, statement);
    if (closed) return closedOption(base, closed);
    const found = await countedOrClosed(() => dirtyread.count(context, statement, watch));
    if (found.closed) return closedOption(base, found.closed);
    const { counted } = found;
    const rows = sumOf(counted, "rows");
    if (rows > mostRows) return closedOption(base, tooMany(rows));
    const other = await pageTransplant.option(context, statement, watch);
    return {
      ...base,
      feasible: rows > 0,
      why:
        rows > 0
          ? `${number(rows)} deleted rows are still on their pages, and the server itself can read them.`
          : "No deleted row of this statement is on its page any more.",
      takesMs: expectedMs(await context.reading((one) => bytesToRead(one, statement)), rows),
      rows,
      loses: `${lossOfPages(statement, counted)} All of it where a long value of any dead row is broken: then take another way.`,
      // The transplant reads only what comes back, so nothing but it can stop it.
      recommended: !other.feasible && rows > 0 && hasAll(statement, counted),
    };
  },
  ready: async ({ target }, { tables, bytes, rows }) => {
    const closed = await whyNotHere(await target.catalogue(), tables, "ahead");
    if (closed) return closedReady(base, closed);
    const most = `, and no more than ${number(mostRows)} rows are lost`;
    const { holds, loses } = heldByPages;
    return openReady(base, {
      why: "The server itself can read deleted rows that are on their pages.",
      holds: rows > mostRows ? `${holds}${most}` : holds,
      takesMs: expectedMs(bytes, rows),
      loses: `${loses} All of it where a long value of any dead row is broken.`,
    });
  },
  count: (context, statement, watch) => pageTransplant.count(context, statement, watch),
  parts: async ({ target }, run) => {
    const schema = await extensionSchema(await target.catalogue(), extension);
    return schema === null ? [extensionPart(target, extension, "it reads dead rows by SQL.", run)] : [];
  },
  recover: async (context, statement, _run, watch) => {
    const closed = await whyClosed(context.target, statement);
    if (closed) throw closedFault(closed);
    return readRows(context, statement, watch);
  },
};

const base = {
  path: "pg-dirtyread",
  label: "Dead rows by SQL on the server (pg_dirtyread)",
  needs: [
    "superuser and pageinspect on the target",
    "the extension pg_dirtyread on the target, installed for the time of the run where it is not",
    "room for temporary files on the target, about as large as the tables",
  ],
  rescues: true,
} as const;

/** Their places go to the server within the query. */
const mostRows = 10_000_000;

function tooMany(rows: number): Closed {
  return {
    why: `${number(rows)} rows are more than this path is made for (${number(mostRows)}).`,
    opensWith: "Another recovery path.",
  };
}

/** Measured on two cores, both reads (for the count, for the rows) together: 30 MB of pages and 150,000 rows a second. */
function expectedMs(bytes: number, rows: number): number {
  return Math.round(200 + bytes / 30_000 + rows / 150);
}

async function readRows(context: PathContext, statement: Statement, watch: Watch): Promise<Recovered> {
  const asking = await context.target.catalogue();
  const schema = await extensionSchema(asking, extension);
  if (schema === null)
    throw closedFault({
      why: `${extension} is not installed in this database.`,
      opensWith: `CREATE EXTENSION ${extension}`,
    });
  const cancel = cancelBy(asking);
  const queries = new Map<TableName, Query>();
  const tables: RecoveredTable[] = [];
  await context.reading(async (connection) => {
    for (const judged of await judge(connection, asking, statement, watch)) {
      const query = await queryFor(asking, schema, judged);
      const { table } = judged.relation;
      proveCount(judged, await countBySql(connection, cancel, query.count, watch));
      queries.set(table, query);
      tables.push(recoveredTable(table, query.columns, judged.settled));
    }
  });
  const streams = copyStreams(context.reading, cancel);
  return {
    tables: await withUntold(asking, statement, tables),
    rows: (table) => {
      const query = queries.get(table);
      if (!query) throw new Error(`nothing of ${table} was recovered`);
      return streams.open(query.copy);
    },
    close: () => streams.close(),
  };
}

/** What SQL finds under the judged places must be what the pages said. */
function proveCount({ relation, settled }: Judged, rows: number): void {
  if (rows === settled.rows) return;
  throw new Fault(
    "HF-EVIDENCE-COUNT",
    `${rows} rows of ${relation.table} can be read, the pages held ${settled.rows}`,
    {
      exit: "not-proved",
      still: "No row was handed out, and the evidence is still held.",
      hint: "Try again; report it when it happens twice.",
    },
  );
}

function closedFault({ why, opensWith }: Closed): Fault {
  return new Fault("HF-PG-DIRTYREAD-CLOSED", why, {
    exit: "refused",
    still: "Nothing was read from your tables.",
    hint: opensWith,
  });
}
