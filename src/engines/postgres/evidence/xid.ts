import type { Connection } from "../connection.ts";

/**
 * Transaction ids. In pages they have 32 bits and come round again; `full` ones (the server's xid8) have 64 and never do. A number
 * holds them exactly up to 2^53, which no server reaches.
 */
export type FullXid = number;

const round = 2 ** 32;

/** The full id of what a page holds: the youngest that is not ahead of the server's next id. */
export function fullXid(low: number, next: FullXid): FullXid {
  const full = Math.floor(next / round) * round + low;
  return full >= next ? full - round : full;
}

/** As it lies in a page. */
export function lowXid(full: FullXid): number {
  return full % round;
}

/** By how much `a` is ahead of `b`, both as they lie in a page: they come round, so the shorter way counts. Negative where it is behind. */
export function ahead(a: number, b: number): number {
  return (a - b) | 0;
}

/** The id that the server gives out next. */
export async function nextXid(connection: Connection): Promise<FullXid> {
  const sql = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS next";
  return Number((await connection.row("asking for the next transaction id", sql)).next);
}
