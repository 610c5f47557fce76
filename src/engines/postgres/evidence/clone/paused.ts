import { readFileSync, statSync } from "node:fs";
import path from "node:path";
import { Fault } from "../../../../core/errors.ts";
import type { Watch } from "../../../engine.ts";
import { connect, type Connection } from "../../connection.ts";
import { type PrivateServer, startServer } from "../../server/private-server.ts";
import { lsnNumber, lsnText } from "../log/position.ts";
import type { Clone } from "./build.ts";

/** Which side of the COMMIT record: nothing but that record lies between the two. */
export type Side = "before" | "after";

export interface Paused {
  readonly connection: Connection;
  /** `forGood`: it is not started again. */
  stop(forGood: boolean): Promise<void>;
}

/** Replays up to the record at `position`, without it or with it, pauses, and proves where it stands. */
export async function pausedAt(
  clone: Clone,
  database: string,
  position: bigint,
  side: Side,
  watch: Watch,
): Promise<Paused> {
  const before = logSize(clone.folder);
  const server = await startServer({
    binaries: clone.binaries,
    folder: clone.folder,
    settings: {
      fsync: "off",
      log_min_messages: "log",
      recovery_target_lsn: lsnText(position),
      recovery_target_inclusive: side === "after" ? "on" : "off",
    },
    user: clone.user,
    deadlineMs: Number.POSITIVE_INFINITY,
    signal: watch.signal,
  });
  try {
    const connection = await open(server, database);
    await untilPaused(connection, clone, position, watch);
    await prove(connection, position, side, logSince(clone, before));
    return { connection, stop: endedBy(server, connection, clone, watch.signal) };
  } catch (error) {
    await server.stop("immediate");
    watch.signal.throwIfAborted();
    throw isLost(error) ? ended(error, position, logSince(clone, before)) : error;
  }
}

function isLost(error: unknown): error is Fault {
  return error instanceof Fault && error.record.code === "HF-PG-CONNECTION-LOST";
}

/** It is our own server that went away, not the target. */
function ended(error: Fault, position: bigint, log: string): Fault {
  return new Fault(
    "HF-CLONE-ENDED",
    `the clone's own server ended on its way to ${lsnText(position)}`,
    {
      exit: "environment",
      still: "Nothing was read from it, and nothing was changed on the target.",
      cause: lastWords(log),
      hint: "Try again: the clone is built anew. Its log tells why, where it happens twice.",
    },
    { cause: error },
  );
}

function logSince({ folder }: Clone, bytes: number): string {
  return readFileSync(logFile(folder)).subarray(bytes).toString("utf8");
}

const lastWords = (log: string) => log.trim().split("\n").slice(-3).join(" | ");

/** A signal ends what is being read there too: with its server. */
function endedBy(
  server: PrivateServer,
  connection: Connection,
  { restartpoints }: Clone,
  signal: AbortSignal,
): Paused["stop"] {
  const end = () => void server.stop("immediate");
  signal.addEventListener("abort", end, { once: true });
  return async (forGood) => {
    signal.removeEventListener("abort", end);
    await connection.close();
    await server.stop(restartpoints && !forGood ? "fast" : "immediate"); // a fast stop leaves a place to begin from
  };
}

const logFile = (folder: string) => path.join(folder, "server.log");
const logSize = (folder: string) => statSync(logFile(folder), { throwIfNoEntry: false })?.size ?? 0;

/** What production set for a role or a database must not hold for us: it comes with the catalogue. */
const ourSession = {
  session_preload_libraries: "",
  statement_timeout: "0",
  lock_timeout: "30s",
  idle_session_timeout: "0",
  idle_in_transaction_session_timeout: "0",
  row_security: "off",
  role: "none",
};

function open(server: PrivateServer, database: string): Promise<Connection> {
  return connect({ url: server.url(database), application: "holdfast", effect: "reading", settings: ourSession });
}

async function untilPaused(connection: Connection, clone: Clone, position: bigint, watch: Watch): Promise<void> {
  const total = Math.ceil(Number(position - clone.start) / 1e6);
  for (;;) {
    watch.signal.throwIfAborted();
    const { state, at } = await connection.row(
      "watching the clone",
      `SELECT CASE WHEN pg_is_in_recovery() THEN pg_get_wal_replay_pause_state() ELSE 'not in recovery' END AS state,
              pg_last_wal_replay_lsn()::text AS at`,
    );
    if (state === "paused" || state === "not in recovery") return; // what it is, is proved next
    const done = Math.min(total, Math.floor(Number(lsnNumber(at ?? "0/0") - clone.start) / 1e6));
    watch.progress({ done: Math.max(0, done), total, unit: "MB", note: "replaying the log" });
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** It may pause for another reason: its own log must say why, and its position on which side of the record it is. */
async function prove(connection: Connection, position: bigint, side: Side, log: string): Promise<void> {
  const { at, recovering } = await connection.row(
    "asking the clone where it is",
    "SELECT pg_last_wal_replay_lsn()::text AS at, pg_is_in_recovery()::text AS recovering",
  );
  const reached = lsnNumber(at ?? "0/0");
  const isRight = side === "before" ? reached <= position : reached > position;
  if (isRight && recovering === "true" && log.includes(`recovery stopping ${side} WAL location`)) return;
  throw new Fault("HF-CLONE-PAUSE", `the clone did not stop just ${side} ${lsnText(position)}`, {
    exit: "not-proved",
    still: "Nothing was read from it, and nothing was changed on the target.",
    cause: `it stands at ${at}: ${lastWords(log)}`,
    hint: "Try again; report it when it happens twice.",
  });
}
