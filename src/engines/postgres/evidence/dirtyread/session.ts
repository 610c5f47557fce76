import { PassThrough } from "node:stream";
import { to as copyTo } from "pg-copy-streams";
import { Fault } from "../../../../core/errors.ts";
import type { Watch } from "../../../engine.ts";
import type { Connection } from "../../connection.ts";
import { postgresFault } from "../../errors.ts";
import { stopIfAsked } from "../pages/read.ts";
import type { Reading } from "../reader.ts";

/** Ends what a session of ours reads, on the server; waits until it was told. */
type Cancel = (connection: Connection) => Promise<void>;

export function cancelBy(asking: Connection): Cancel {
  return async ({ pid }) => {
    // A cancel that does not get through leaves a read that ends by itself.
    await asking.rows("cancelling a read", "SELECT pg_cancel_backend($1::int)", [pid]).catch(() => undefined);
  };
}

/** Counts by the very reading that will hand the rows out. */
export async function countBySql(connection: Connection, cancel: Cancel, sql: string, watch: Watch) {
  stopIfAsked(watch);
  const { signal } = watch;
  const told: Promise<void>[] = [];
  const stop = () => void told.push(cancel(connection));
  signal.addEventListener("abort", stop, { once: true });
  return shielded(connection, async () => {
    try {
      return Number((await connection.row("reading dead rows", sql)).rows);
    } finally {
      signal.removeEventListener("abort", stop);
      await Promise.all(told); // or it would hit what this session does next
    }
  });
}

export interface Streams {
  open(copy: string): Promise<NodeJS.ReadableStream>;
  /** Ends those that are still read. */
  close(): Promise<void>;
}

/** Each in the session that may read: the one that holds the exclusive lock, else one of its own. */
export function copyStreams(reading: Reading, cancel: Cancel): Streams {
  const going = new Map<PassThrough, Promise<void>>();
  return {
    open: (copy) => {
      const out = new PassThrough();
      const work = reading((connection) => shielded(connection, () => pass(connection, copy, out, cancel)))
        .catch((error: unknown) => void out.destroy(error instanceof Error ? error : new Error(String(error))))
        .finally(() => going.delete(out));
      going.set(out, work);
      return Promise.resolve(out);
    },
    close: async () => {
      const works = [...going.values()];
      for (const out of going.keys()) out.destroy();
      await Promise.all(works);
    },
  };
}

/** Reads to the end even when nobody takes the rows any more: a COPY that is left half way blocks its session for good. */
async function pass(connection: Connection, copy: string, out: PassThrough, cancel: Cancel): Promise<void> {
  const told: Promise<void>[] = [];
  let goOn = () => {};
  out.on("drain", () => goOn());
  out.once("close", () => {
    if (!out.writableEnded) told.push(cancel(connection));
    goOn();
  });
  try {
    for await (const chunk of connection.client.query(copyTo(copy)) as AsyncIterable<Buffer>)
      if (!out.destroyed && !out.write(chunk)) await new Promise<void>((resolve) => (goOn = resolve));
    out.end();
  } finally {
    await Promise.all(told);
  }
}

/**
 * A read that fails ends the transaction it stands in, and the session that holds the lock would lose it: there it fails within a
 * savepoint. Elsewhere there is no transaction, and no need.
 */
async function shielded<T>(connection: Connection, work: () => Promise<T>): Promise<T> {
  const locked = await saved(connection);
  const limits = `set_config('statement_timeout', '0', ${locked}), set_config('work_mem', '64MB', ${locked})`;
  try {
    await connection.rows("setting the limits of a read", `SELECT ${limits}`);
    return await work();
  } catch (error) {
    throw brokenOr(postgresFault(error, "reading dead rows", "reading"));
  } finally {
    if (locked) await connection.run("ending a read", "ROLLBACK TO reading");
  }
}

/** False outside of a transaction, where there is nothing to save. */
async function saved(connection: Connection): Promise<boolean> {
  try {
    await connection.run("beginning a read", "SAVEPOINT reading");
    return true;
  } catch (error) {
    if (error instanceof Fault && error.record.code === "HF-PG-25P01") return false;
    throw error;
  }
}

/** A chunk that is missing, or bytes that make no sense: the server names no row, and stops for all. */
const broken = new Set(["HF-PG-XX000", "HF-PG-XX001"]);

function brokenOr(fault: Fault): Fault {
  const { code, cause } = fault.record;
  if (!broken.has(code)) return fault;
  return new Fault("HF-PG-DIRTYREAD-BROKEN", "a long value of some dead row can't be read, which ends the whole read", {
    exit: "refused",
    still: "No row was handed out, nothing was written to your tables, and the rows are still held.",
    hint: "It may be a row that the statement did not take. Choose the page transplant: it reads only what comes back.",
    ...(cause === undefined ? {} : { cause }),
  });
}
