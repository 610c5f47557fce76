/** Settings that a server in recovery must have at least as high as the server that wrote the log. */
export type LeastSettings = Readonly<Record<(typeof leastNames)[number], number>>;

/** In the order of the control file, and of the log's record of a change. */
export const leastNames = [
  "max_connections",
  "max_worker_processes",
  "max_wal_senders",
  "max_prepared_transactions",
  "max_locks_per_transaction",
] as const;

/** Five numbers, one after the other. */
export function leastAt(bytes: Buffer, at: number): LeastSettings {
  const found = leastNames.map((name, nth) => [name, bytes.readInt32LE(at + nth * 4)] as const);
  return Object.fromEntries(found) as LeastSettings;
}

export function highest(all: readonly LeastSettings[]): LeastSettings {
  const found = leastNames.map((name) => [name, Math.max(...all.map((one) => one[name]))] as const);
  return Object.fromEntries(found) as LeastSettings;
}
