import { type FileNode, fileNode } from "../../file-node.ts";

/** What a COMMIT record says (access/xact.h). */
export interface LoggedCommit {
  /** 32 bits: of the transaction itself, also where it was prepared. */
  readonly xid: number;
  readonly subs: readonly number[];
  /** Microseconds since 2000-01-01 UTC. */
  readonly at: bigint;
  readonly database: number;
  /** Files that it took away for good. */
  readonly dropped: readonly FileNode[];
}

const commit = 0x00;
const commitPrepared = 0x30;
const has = { info: 0x80, database: 1, subs: 2, files: 4, messages: 8, twoPhase: 16, stats: 256 } as const;

/** Null where the record is no commit. `major`: entries of dropped statistics grew in 18. */
export function commitOf(xid: number, info: number, main: Buffer, major: number): LoggedCommit | null {
  const kind = info & 0x70;
  if (kind !== commit && kind !== commitPrepared) return null;
  const at = main.readBigInt64LE(0);
  const none = { xid, subs: [], at, database: 0, dropped: [] };
  if ((info & has.info) === 0) return none;
  const flags = main.readUInt32LE(8);
  let place = 12;
  const word = () => ((place += 4), main.readUInt32LE(place - 4));
  const pass = (entries: number, size: number) => (place += entries * size);
  let database = 0;
  if ((flags & has.database) !== 0) [database, place] = [main.readUInt32LE(place), place + 8];
  const subs: number[] = [];
  if ((flags & has.subs) !== 0) for (let left = word(); left > 0; left -= 1) subs.push(word());
  const dropped: FileNode[] = [];
  if ((flags & has.files) !== 0)
    for (let left = word(); left > 0; left -= 1, place += 12) dropped.push(fileNode(main, place));
  if ((flags & has.stats) !== 0) pass(word(), major >= 18 ? 16 : 12);
  if ((flags & has.messages) !== 0) pass(word(), 16);
  const top = (flags & has.twoPhase) !== 0 ? main.readUInt32LE(place) : xid;
  return { xid: top, subs, at, database, dropped };
}

/** `2026-11-21 05:41:14.123456`, UTC, as the server writes it. */
export function commitTime(at: bigint): string {
  const unix = at + 946_684_800_000_000n;
  const date = new Date(Number(unix / 1000n)).toISOString();
  return `${date.slice(0, 10)} ${date.slice(11, 19)}.${String(unix % 1_000_000n).padStart(6, "0")}`;
}
