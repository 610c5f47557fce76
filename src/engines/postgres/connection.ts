import pg from "pg";
import { Fault } from "../../core/errors.ts";
import type { Secret } from "../../core/secret.ts";
import { postgresFault } from "./errors.ts";

/** Every value as the server's own text: JavaScript's types would change them (a Date loses microseconds). */
export type Row = Readonly<Record<string, string | null>>;
export type Parameter = string | number | bigint | boolean | null | readonly string[] | Uint8Array;

/**
 * One session on the server. Text in, text out; values are always parameters. Errors are Faults that say what `doing` failed;
 * those of a session opened for `writing` say `unknown` when the connection was lost.
 */
export interface Connection {
  rows(doing: string, sql: string, values?: readonly Parameter[]): Promise<readonly Row[]>;
  /** Exactly one row. */
  row(doing: string, sql: string, values?: readonly Parameter[]): Promise<Row>;
  run(doing: string, sql: string, values?: readonly Parameter[]): Promise<number>;
  readonly pid: number;
  /** For COPY streams and the replication protocol only. */
  readonly client: pg.Client;
  close(): Promise<void>;
}

export interface ConnectionOptions {
  readonly url: Secret;
  readonly application: string;
  readonly effect: "reading" | "writing";
  readonly settings?: Readonly<Record<string, string>>;
  readonly database?: string;
  readonly connectTimeoutMs?: number;
}

/** Values must read the same on every session that compares or copies them (note postgres 10, Scratch). */
const exactText: Readonly<Record<string, string>> = {
  DateStyle: "ISO, YMD",
  IntervalStyle: "postgres",
  TimeZone: "UTC",
  extra_float_digits: "1",
  bytea_output: "hex",
  // Off would read the NULL of an array as the word.
  array_nulls: "on",
  xmloption: "content",
  // Money is a number of cents; written and read under two locales it would be another number.
  lc_monetary: "C",
  search_path: "pg_catalog",
  client_min_messages: "warning",
};

/** What a role or a database allows its sessions is meant for short requests: here it would end a checkpoint, a copy, or a lock that waits for a person. */
const noLimits = { statement_timeout: "0", idle_in_transaction_session_timeout: "0", idle_session_timeout: "0" };

/** Not among those: before version 17 a server refuses a session that names it. */
const noTransactionLimit =
  "select set_config('transaction_timeout', '0', false) where current_setting('transaction_timeout', true) <> '0'";

/** The server drops a statement whose client is gone within this time; without it an orphan runs on and commits. */
const orphanCheck = { client_connection_check_interval: "200ms" };

export async function connect(options: ConnectionOptions): Promise<Connection> {
  const client = newClient(options);
  // A connection that breaks while it is idle tells nobody but this listener; the next call on it gives the Fault.
  client.on("error", () => undefined);
  try {
    await client.connect();
    await client.query(noTransactionLimit);
  } catch (error) {
    void client.end().catch(() => undefined);
    throw notConnected(error);
  }
  return connection(client, options.effect);
}

/** Keeps what the driver said: no row was read yet, and why a first connection failed is told by it. */
function notConnected(error: unknown): Fault {
  const { code, message, ...draft } = postgresFault(error, "connecting to the server", "reading").record;
  return new Fault(code, message, draft, { cause: error });
}

/** The driver lets a URL's own parameters win over ours; these must not: values would read otherwise, and names be found elsewhere. */
export function newClient(
  options: ConnectionOptions,
  more: pg.ClientConfig & { replication?: "database" } = {},
): pg.Client {
  const client = new pg.Client({
    connectionString: withPlainTls(options.url.reveal()),
    ...(options.database === undefined ? {} : { database: options.database }),
    connectionTimeoutMillis: options.connectTimeoutMs ?? 10_000,
    keepAlive: true,
    types: { getTypeParser: () => (value: string) => value } as unknown as pg.CustomTypesConfig,
    ...more,
  });
  const { connectionParameters: parameters } = client as unknown as { connectionParameters: StartupParameters };
  const theirs = parameters.options ?? "";
  parameters.options =
    `${theirs} ${settingWords({ ...exactText, ...noLimits, ...orphanCheck, ...options.settings })}`.trim();
  parameters.application_name = options.application.slice(0, 63);
  return client;
}

/** The driver takes these three for verify-full, with a warning on stderr that would stand in the middle of a screen: said plainly, it has none. */
function withPlainTls(url: string): string {
  if (/[?&]uselibpqcompat=true(&|$)/.test(url)) return url;
  return url.replaceAll(/([?&]sslmode=)(?:prefer|require|verify-ca)(?=&|$)/g, "$1verify-full");
}

/** The part of the driver's own object that it sends to the server; its types leave it out. */
interface StartupParameters {
  options?: string;
  application_name?: string;
}

/** The last word on a setting wins, so ours come after whatever a URL brought. */
function settingWords(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `-c ${name}=${value.replaceAll("\\", "\\\\").replaceAll(" ", "\\ ")}`)
    .join(" ");
}

function connection(client: pg.Client, effect: "reading" | "writing"): Connection {
  const query = async (doing: string, sql: string, values: readonly Parameter[] = []) => {
    try {
      return await client.query<Record<string, string | null>>(sql, values.map(asText));
    } catch (error) {
      throw postgresFault(error, doing, effect);
    }
  };
  return {
    client,
    pid: (client as unknown as { processID: number }).processID,
    rows: async (doing, sql, values) => (await query(doing, sql, values)).rows,
    row: async (doing, sql, values) => {
      const { rows } = await query(doing, sql, values);
      if (rows.length !== 1 || rows[0] === undefined) throw new Error(`${doing}: ${rows.length} rows in place of one`);
      return rows[0];
    },
    run: async (doing, sql, values) => (await query(doing, sql, values)).rowCount ?? 0,
    close: () => client.end().catch(() => undefined),
  };
}

function asText(value: Parameter): unknown {
  return typeof value === "bigint" ? value.toString() : value;
}
