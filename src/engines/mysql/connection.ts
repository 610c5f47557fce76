import mysql from "mysql2/promise";
import { Fault } from "../../core/errors.ts";
import type { Secret } from "../../core/secret.ts";
import { dumpLog, type ProtocolConnection } from "./dump-command.ts";
import { mysqlFault } from "./errors.ts";
import { type Parameter, withLiterals } from "./literal.ts";
import { addressOf } from "./url.ts";

/** Every value as the server's own text. */
export type Row = Readonly<Record<string, string | null>>;

/**
 * One session on the server. Text in, text out; values are always parameters. Errors are Faults that say what `doing` failed; those of a
 * session opened for `writing` say `unknown` when the connection was lost.
 */
export interface Connection {
  rows(doing: string, sql: string, values?: readonly Parameter[]): Promise<readonly Row[]>;
  /** Exactly one row. */
  row(doing: string, sql: string, values?: readonly Parameter[]): Promise<Row>;
  run(doing: string, sql: string, values?: readonly Parameter[]): Promise<Done>;
  /** The raw events of the log from the beginning of this file to the end of the log; the session is of no other use after that. */
  dump(doing: string, file: string, server: number, heed: (event: Buffer) => void): Promise<void>;
  /** The server's number of this session. */
  readonly id: number;
  /** Called once, when the session is gone, however it went. */
  onEnd(listener: () => void): void;
  close(): Promise<void>;
}

export interface Done {
  /** Rows that were changed; of an UPDATE not those that had the values already. */
  readonly rows: number;
  /** The session was within a transaction when the statement had ended. */
  readonly inTransaction: boolean;
}

export interface ConnectionOptions {
  readonly url: Secret;
  /** Stands in each statement as a comment, so that the list of processes shows whose it is. */
  readonly tag: string;
  readonly effect: "reading" | "writing";
  readonly settings?: Settings;
  readonly connectTimeoutMs?: number;
}
/** Of the session; numbers as they are, words quoted. */
export type Settings = Readonly<Record<string, string | number>>;

/** Values must read the same on every session, and a statement must mean the same, whatever the account or the server has as default. */
const exact: Settings = {
  time_zone: "+00:00",
  sql_mode: "STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION",
  autocommit: 1,
  completion_type: "NO_CHAIN",
  foreign_key_checks: 1,
  unique_checks: 1,
  sql_safe_updates: 0,
  // A day is the server's own default: a lock on a table would be waited for until somebody notices.
  lock_wait_timeout: 5,
  innodb_lock_wait_timeout: 5,
};

export async function connect(options: ConnectionOptions): Promise<Connection> {
  try {
    const client = await mysql.createConnection({
      ...addressOf(options.url),
      connectTimeout: options.connectTimeoutMs ?? 10_000,
      charset: "utf8mb4",
      // Rows that an UPDATE found are not rows that it changed.
      flags: ["-FOUND_ROWS"],
      typeCast: (field) => field.string(),
    });
    // A connection that breaks while it is idle tells nobody but this listener; the next call on it gives the Fault.
    client.on("error", () => undefined);
    const session = connection(client, options);
    await session.run("preparing the session", "SET NAMES utf8mb4");
    await session.run("preparing the session", settingSql({ ...exact, ...options.settings }));
    await session.run("preparing the session", "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED");
    return session;
  } catch (error) {
    throw notConnected(error);
  }
}

/** Keeps what the driver said: no row was read yet, and why a first connection failed is told by it. */
function notConnected(error: unknown): Fault {
  const { code, message, ...draft } = mysqlFault(error, "connecting to the server", "reading").record;
  return new Fault(code, message, draft, { cause: error });
}

export function settingSql(settings: Settings): string {
  const words = Object.entries(settings).map(([name, value]) => `${settingName(name)} = ${settingValue(value)}`);
  return `SET SESSION ${words.join(", SESSION ")}`;
}

function settingName(name: string): string {
  if (!/^[a-z_]+$/.test(name)) throw new Error(`no name of a setting: ${name}`);
  return name;
}

function settingValue(value: string | number): string {
  if (typeof value === "number") return String(value);
  if (!/^[\w+:,. -]*$/.test(value)) throw new Error("a setting's value that needs quoting");
  return `'${value}'`;
}

/** The server's flag in its answer (SERVER_STATUS_IN_TRANS). */
const inTransaction = 1;

/** The driver's own, and the server's: all others are of whoever took the events. */
function isServers(error: unknown): boolean {
  const { errno, fatal } = error as { errno?: unknown; fatal?: unknown };
  return (typeof errno === "number" && errno > 0) || fatal === true;
}

function connection(client: mysql.Connection, { effect, tag }: ConnectionOptions): Connection {
  const comment = `/* ${tag.replaceAll(/[^\w:@.-]/g, "_")} */`;
  const query = async (doing: string, sql: string, values: readonly Parameter[] = []) => {
    try {
      const [found] = await client.query(`${withLiterals(sql, values)} ${comment}`);
      return found;
    } catch (error) {
      throw mysqlFault(error, doing, effect);
    }
  };
  const rows: Connection["rows"] = async (doing, sql, values) => {
    const found = await query(doing, sql, values);
    return Array.isArray(found) ? (found as unknown as readonly Row[]) : [];
  };
  return {
    id: client.threadId,
    rows,
    row: async (doing, sql, values) => {
      const found = await rows(doing, sql, values);
      if (found.length !== 1 || found[0] === undefined)
        throw new Error(`${doing}: ${found.length} rows in place of one`);
      return found[0];
    },
    run: async (doing, sql, values) => {
      const found = (await query(doing, sql, values)) as Partial<mysql.ResultSetHeader>;
      const status = found.serverStatus ?? 0;
      return { rows: found.affectedRows ?? 0, inTransaction: (status & inTransaction) !== 0 };
    },
    dump: async (doing, file, server, heed) => {
      const { connection: raw } = client as unknown as { connection: ProtocolConnection };
      await dumpLog(raw, file, server, heed).catch((error: unknown) => {
        throw isServers(error) ? mysqlFault(error, doing, effect) : error;
      });
    },
    onEnd: (listener) => {
      let told = false;
      const once = () => {
        if (!told) listener();
        told = true;
      };
      client.on("end", once);
      client.on("error", once);
    },
    close: () => client.end().catch(() => client.destroy()),
  };
}
