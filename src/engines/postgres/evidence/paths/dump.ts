import { createReadStream } from "node:fs";
import path from "node:path";
import { Fault } from "../../../../core/errors.ts";
import type { Watch } from "../../../engine.ts";
import type { PathOption, Recovered, RecoveredTable, Statement } from "../../../evidence.ts";
import type { TableName } from "../../../inspect.ts";
import type { Connection } from "../../connection.ts";
import { lockFreeShape } from "../../catalogue.ts";
import { folderPart } from "../../server/folder-lease.ts";
import type { PostgresTarget } from "../../target.ts";
import { change, type Closed, closedBy, closedOption, closedReady, openReady } from "../closed.ts";
import { type DumpArchive, entriesOf, readArchive } from "../dump/archive.ts";
import { lackingIn, missingRows } from "../dump/missing.ts";
import { readSlot, slotName } from "../freeze/slots.ts";
import { number, size } from "../say.ts";
import { onScratch } from "../scratch-files.ts";
import { tablesOf } from "../statement.ts";
import { scratchFolder } from "../transplant/scratch.ts";
import type { RecoveryPath } from "./path.ts";

/**
 * What a dump from before has of the tables and they have not. It can't tell who took a row: it is the last way, and says what else it may bring.
 */
export const dump: RecoveryPath = {
  name: "dump",
  fits: ({ kind, values }) => kind !== "open" && kind !== "prepared" && !values,
  option: async (context, statement) => {
    const { file, closed } = named(context.target);
    if (closed) return closedOption(base, closed);
    try {
      const archive = await readArchive(context.target, file);
      const why = await whyUnfit(context.target, archive, tablesOf(statement), statement.at);
      return why ? closedOption(base, why) : open(archive, statement);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      return closedOption(base, closedBy(error));
    }
  },
  ready: async ({ target }, { tables, rows }) => {
    const { file, closed } = named(target);
    if (closed) return closedReady(base, closed);
    try {
      const archive = await readArchive(target, file);
      const why = await whyUnfit(target, archive, tables, null);
      if (why) return closedReady(base, why);
      return openReady(base, {
        why: `The dump of ${archive.createdAt} (${size(archive.bytes)}) has the table.`,
        holds: "the dump stays where it is",
        takesMs: expectedMs(archive, rows),
        loses: lossWords(archive),
      });
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      return closedReady(base, closedBy(error));
    }
  },
  count: (context, statement, watch) =>
    context.recentDump(statement.value, () => countThem(context.target, statement, watch)),
  parts: ({ target }, run) => {
    const folder = scratchFolder(target, run);
    const words = `A folder ${folder} for the rows out of the dump, that only this account can read.`;
    const costs = "Disk space for the rows that the tables lack.";
    return [folderPart(target, folder, { kind: "scratch-server", words, costs, byHand: `rm -r ${folder}` })];
  },
  recover: ({ target }, statement, run, watch) =>
    onScratch(() => recoverRows(target, statement, scratchFolder(target, run), watch)),
};

const base = {
  path: "dump",
  label: "Rows out of a logical dump (pg_dump)",
  needs: [
    "a dump by pg_dump -Fc or -Fd from before the statement, and pg_restore on this machine",
    "reading the tables by their keys",
  ],
  rescues: true,
} as const;

type Named = { readonly file: string; readonly closed: null } | { readonly file: null; readonly closed: Closed };

function named({ request }: PostgresTarget): Named {
  if (request.dump !== undefined) return { file: request.dump, closed: null };
  return {
    file: null,
    closed: {
      why: "The config names no dump for this target.",
      opensWith:
        "backup: { dump: FILE } of the target in holdfast.yaml, by pg_dump -Fc or -Fd, from before the statement.",
      change: change("config", "backup: { dump: FILE }", { fromNowOn: true }),
    },
  };
}

/** What the dump is, and what it has, before anything is read from it. `at`: when the statement committed, where that is known. */
async function whyUnfit(
  target: PostgresTarget,
  archive: DumpArchive,
  tables: readonly TableName[],
  at: string | null,
): Promise<Closed | null> {
  const asking = await target.catalogue();
  const { database } = await asking.row("asking for the database", "SELECT current_database()::text AS database");
  if (archive.database !== database)
    return {
      why: `The dump is of the database ${archive.database}, not of ${database}.`,
      opensWith: "A dump of this database.",
    };
  if (at !== null && Date.parse(archive.createdAt) >= Date.parse(instant(at)))
    return {
      why: `The dump was made at ${archive.createdAt}, after the statement.`,
      opensWith: "A dump from before it.",
    };
  const absent = tables.filter((table) => entriesOf(archive, "TABLE DATA", table).length === 0);
  if (absent.length === tables.length || (at === null && absent.length > 0))
    return {
      why: `The dump of ${archive.createdAt} has no rows of ${absent.join(", ")}.`,
      opensWith: "A dump of the whole database.",
    };
  const keyless = await keylessAmong(asking, tables);
  if (keyless.length === 0) return null;
  return {
    why: `${keyless.join(", ")} has no key: nothing tells which of the dump's rows are there still.`,
    opensWith: "A primary key, or a unique key over columns that are NOT NULL.",
  };
}

/** As the server wrote it, or as RFC 3339: in UTC either way. */
function instant(at: string): string {
  return /[Zz]|[+-]\d\d(:?\d\d)?$/.test(at) ? at.replace(" ", "T") : `${at.replace(" ", "T")}Z`;
}

async function keylessAmong(asking: Connection, tables: readonly TableName[]): Promise<readonly TableName[]> {
  const keyless: TableName[] = [];
  for (const table of tables) if ((await lackingIn(asking, table)) === null) keyless.push(table);
  return keyless;
}

/** Its rows are counted by looking them up in the tables, which is not done for a list alone. */
function open(archive: DumpArchive, { rows, kind }: Statement): PathOption {
  const { createdAt, bytes, serverVersion } = archive;
  const took = kind === "one" || kind === "group" ? ` The statement took ${number(rows)}.` : "";
  return {
    ...base,
    feasible: true,
    why: `The dump of ${createdAt} (${size(bytes)}, PostgreSQL ${serverVersion}) has rows of these tables: all that they lack come back.${took}`,
    takesMs: expectedMs(archive, rows),
    rows: null,
    loses: lossWords(archive),
    recommended: false,
  };
}

function lossWords({ createdAt }: DumpArchive): string {
  return `what was written between ${createdAt} and the statement: rows made since are missing, rows changed since come back as they were. It also brings rows back that others deleted since, rightly or not.`;
}

/** Measured on two cores: 20 MB of a packed dump and 40,000 rows a second, each looked up by its key. */
function expectedMs({ bytes }: DumpArchive, rows: number): number {
  return Math.round(500 + bytes / 20_000 + rows / 40);
}

/** Only those that the dump has rows of; what the statement took beyond what comes back is lost, at least. */
async function eachTable(
  target: PostgresTarget,
  statement: Statement,
  folder: string | null,
  watch: Watch,
): Promise<readonly (RecoveredTable & { readonly file: string })[]> {
  const { file } = named(target);
  if (file === null) throw new Error("a target without a dump was asked for one");
  const archive = await readArchive(target, file);
  const closed = await whyUnfit(target, archive, tablesOf(statement), statement.at);
  if (closed) throw closedFault(closed);
  // Policies may hide rows from us that are there.
  const asking = await target.open("reading", { statement_timeout: "0", row_security: "off" });
  const reading = { archive, scratch: target.request.machine.scratch, signal: watch.signal };
  try {
    const found = [];
    for (const [nth, { table, rows }] of statement.tables.entries()) {
      const lacking = await lackingIn(asking, table);
      if (lacking === null || entriesOf(archive, "TABLE DATA", table).length === 0) continue;
      const to = path.join(folder ?? "", `rows-${nth}`);
      const missing = await missingRows(reading, asking, lacking, folder === null ? null : to, watch);
      found.push({ ...missing, ...(rows > missing.rows ? { lost: rows - missing.rows } : {}), file: to });
    }
    return found;
  } finally {
    await asking.close();
  }
}

/** Looking rows up prunes dead ones: it is done where our pin holds these. Else what the evidence counts is all that is known. */
async function countThem(
  target: PostgresTarget,
  statement: Statement,
  watch: Watch,
): Promise<readonly RecoveredTable[]> {
  const asking = await target.catalogue();
  const pin = await readSlot(asking, slotName("rows", target.request.session.run), null);
  if (pin?.xmin != null || statement.kind === "missing")
    return (await eachTable(target, statement, null, watch)).map(({ file: _file, ...table }) => table);
  const tables: RecoveredTable[] = [];
  for (const { table, rows } of statement.tables) {
    const { columns } = await lockFreeShape(asking, table);
    const names = columns.filter(({ dropped, generated }) => !dropped && generated === "").map(({ name }) => name);
    tables.push({ table, columns: names, rows, updated: 0, moved: 0, own: 0, unknown: 0 });
  }
  return tables;
}

async function recoverRows(
  target: PostgresTarget,
  statement: Statement,
  folder: string,
  watch: Watch,
): Promise<Recovered> {
  const found = await eachTable(target, statement, folder, watch);
  const files = new Map(found.map(({ table, file }) => [table, file]));
  return {
    tables: found.map(({ file: _file, ...table }) => table),
    rows: (table) => {
      const file = files.get(table);
      if (file === undefined) throw new Error(`nothing of ${table} was recovered`);
      return Promise.resolve(createReadStream(file));
    },
    close: () => Promise.resolve(),
  };
}

function closedFault({ why, opensWith }: Closed): Fault {
  return new Fault("HF-DUMP-CLOSED", why, {
    exit: "refused",
    still: "Nothing was changed on the target.",
    hint: `What opens this way: ${opensWith}`,
  });
}
