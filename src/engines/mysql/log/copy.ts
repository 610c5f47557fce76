import { randomInt } from "node:crypto";
import { closeSync, fsyncSync, mkdirSync, openSync, writeSync } from "node:fs";
import path from "node:path";
import { crc32 } from "node:zlib";
import { Fault } from "../../../core/errors.ts";
import type { Watch } from "../../engine.ts";
import type { Connection } from "../connection.ts";
import type { MysqlTarget } from "../target.ts";
import { eventsIn, headerBytes, type LogEvent } from "./events.ts";

/** One file of the log, as the server lists it. */
export interface LogFile {
  readonly name: string;
  readonly bytes: number;
}

/** Oldest first. A server without a log has none. */
export async function logFiles(session: Connection): Promise<readonly LogFile[]> {
  const rows = await session.rows("listing the log's files", "SHOW BINARY LOGS");
  return rows.map(({ Log_name: name, File_size: bytes }) => ({ name: name ?? "", bytes: Number(bytes) }));
}

/**
 * Copies the log's files from `since` on to the end of the log, byte for byte, into a folder of ours (0700, files 0600), and proves each:
 * its size as the server lists it, no gap between events, and each event's checksum. The server keeps no file for us meanwhile: one that it
 * purges under the copy is the Fault `HF-MYSQL-LOG-GONE`. May be repeated; it begins anew.
 */
export async function copyLog(
  target: MysqlTarget,
  { since, into }: { readonly since: string; readonly into: string },
  watch: Watch,
): Promise<readonly LogFile[]> {
  const catalogue = await target.catalogue();
  const wanted = from(await logFiles(catalogue), since);
  mkdirSync(into, { recursive: true, mode: 0o700 });
  const total = wanted.reduce((sum, { bytes }) => sum + bytes, 0);
  const writer = fileWriter(into, (done, name) => watch.progress({ done, total, unit: "bytes", note: name }));
  const session = await target.open("reading");
  try {
    await session.run("asking for checksums", withChecksums);
    await session.dump("copying the log", since, unusedServerId(), (event) => {
      watch.signal.throwIfAborted();
      writer.take(event);
    });
  } finally {
    writer.close();
    await session.close();
  }
  const copied = writer.files();
  await prove(await logFiles(catalogue), copied, into, watch);
  return copied;
}

/** Both names: MySQL has renamed it, and each server ignores the one that it does not know. Without the last MariaDB leaves its own events out. */
const withChecksums =
  "SET @master_binlog_checksum = 'CRC32', @source_binlog_checksum = 'CRC32', @mariadb_slave_capability = 4";

/** One that a replica of theirs has would throw that replica off. */
function unusedServerId(): number {
  return randomInt(2 ** 31, 2 ** 32 - 1);
}

function from(files: readonly LogFile[], since: string): readonly LogFile[] {
  const at = files.findIndex(({ name }) => name === since);
  if (at < 0) throw gone(since);
  return files.slice(at);
}

function gone(name: string): Fault {
  return new Fault("HF-MYSQL-LOG-GONE", `the server does not have the file ${name} of its log any more`, {
    exit: "refused",
    still: "Nothing was changed.",
    hint: "Copy from a later file; what stood in this one can come from a backup alone.",
  });
}

const magic = Buffer.from([0xfe, 0x62, 0x69, 0x6e]);
const rotateType = 4;
const heartbeats: readonly number[] = [27, 41];
/** LOG_EVENT_ARTIFICIAL_F: made for whoever listens, and in no file. */
const artificial = 0x20;

interface FileWriter {
  take(event: Buffer): void;
  close(): void;
  files(): readonly LogFile[];
}

/** The server says by an artificial event which file what comes next is of. */
function fileWriter(folder: string, tell: (done: number, name: string) => void): FileWriter {
  const files: { name: string; bytes: number }[] = [];
  let handle: number | null = null;
  let done = 0;
  const close = () => {
    if (handle === null) return;
    fsyncSync(handle);
    closeSync(handle);
    handle = null;
  };
  const put = (bytes: Buffer) => {
    const file = files.at(-1);
    if (handle === null || file === undefined) throw new Error("an event of the log came before its file was named");
    for (let at = 0; at < bytes.length;) at += writeSync(handle, bytes, at);
    file.bytes += bytes.length;
    done += bytes.length;
  };
  return {
    close,
    files: () => files.map((file) => ({ ...file })),
    take: (event) => {
      const type = event[4] ?? 0;
      if ((event.readUInt16LE(17) & artificial) === 0 && !heartbeats.includes(type)) return put(event);
      if (type !== rotateType) return;
      const name = nameIn(event);
      if (name === files.at(-1)?.name) return;
      close();
      files.push({ name, bytes: 0 });
      handle = openSync(path.join(folder, name), "w", 0o600);
      put(magic);
      tell(done, name);
    },
  };
}

/** A server's answer is no path: only what may be a file's name here becomes one. */
function nameIn(rotate: Buffer): string {
  const name = rotate.toString("latin1", headerBytes + 8, endOf(rotate));
  if (/^[\w.-]+\.\d{6,}$/.test(name)) return name;
  throw new Fault("HF-MYSQL-LOG-NAME", "the server names a file of its log in a way that is not understood", {
    exit: "refused",
    still: "Nothing was changed, and no such file was made here.",
    hint: "Look at SHOW BINARY LOGS: a name has letters, digits, dots and dashes, and ends in a number of six digits or more.",
  });
}

const checksumBytes = 4;

/** What is made for a listener may come without the checksum that was asked for. */
function endOf(event: Buffer): number {
  const end = event.length - checksumBytes;
  return crc32(event.subarray(0, end)) === event.readUInt32LE(end) ? end : event.length;
}

/**
 * A file that another follows ends by saying so, and has the size that the server lists; one that was purged once it was sent is whole all
 * the same. The last one may have grown since: only its copy can be the shorter one.
 */
async function prove(
  listed: readonly LogFile[],
  copied: readonly LogFile[],
  folder: string,
  watch: Watch,
): Promise<void> {
  for (const [nth, file] of copied.entries()) {
    const there = listed.find(({ name }) => name === file.name);
    const isLast = nth === copied.length - 1;
    if (there && (isLast ? there.bytes < file.bytes : there.bytes !== file.bytes))
      throw notWhole(file.name, `it has ${file.bytes} bytes here, and ${there.bytes} on the server`);
    const last = await lastEvent(path.join(folder, file.name), file, watch);
    if (!isLast && (last === null || !closing.includes(last.type)))
      throw notWhole(file.name, "another file follows, and it does not say so");
  }
}

/** A rotation, or the server's own end. */
const closing: readonly number[] = [rotateType, 3];

/** The end of each event as it notes it itself (the lower 32 bits) is where the next one begins. */
async function lastEvent(at: string, file: LogFile, watch: Watch): Promise<LogEvent | null> {
  let last: LogEvent | null = null;
  for await (const event of eventsIn(at, watch.signal)) {
    if (event.bytes.readUInt32LE(13) !== event.to % 2 ** 32)
      throw notWhole(file.name, `there is a gap at byte ${event.from}`);
    last = event;
  }
  const end = last?.to ?? magic.length;
  if (end !== file.bytes) throw notWhole(file.name, `it ends within an event at byte ${end}`);
  return last;
}

function notWhole(name: string, why: string): Fault {
  return new Fault("HF-MYSQL-LOG-COPY", `the copy of ${name} is not what the server has: ${why}`, {
    exit: "not-proved",
    still: "Nothing was changed; the server's log is as it was.",
    hint: "Copy it again, while the server has it.",
    passing: true,
  });
}
