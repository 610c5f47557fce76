import { open } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { Fault } from "../../../core/errors.ts";
import { type EventKind, kindOf } from "./event-types.ts";

/** One event as it stands in a file of the log: header, body, checksum. */
export interface LogEvent {
  readonly type: number;
  readonly kind: EventKind;
  /** Where it begins and ends in the file: bytes. */
  readonly from: number;
  readonly to: number;
  /** Seconds since 1970. */
  readonly at: number;
  readonly server: number;
  /** The whole of it. */
  readonly bytes: Buffer;
  /** Without header and checksum. */
  readonly body: Buffer;
}

export const headerBytes = 19;
const magicBytes = 4;
const magic = 0x6e_69_62_fe;
const chunkBytes = 1 << 20;
/** The server's own limit on one event is a gigabyte: what says more is no event. */
const mostBytes = (1 << 30) + chunkBytes;

/**
 * The events of one file, each once, in order, with their checksums proved. Memory: one chunk, or the largest event. Faults:
 * `HF-MYSQL-LOG-DAMAGED` where the file is no log, is encrypted, or an event is not what its length and checksum say. A file that the
 * server still writes ends with its last whole event.
 */
export async function* eventsIn(file: string, signal?: AbortSignal): AsyncGenerator<LogEvent> {
  const handle = await open(file, "r");
  try {
    const head = Buffer.alloc(magicBytes);
    await handle.read(head, 0, magicBytes, 0);
    if (head.readUInt32LE(0) !== magic)
      throw damaged(file, 0, "it does not begin as a binary log does, or is encrypted");
    let checksums = false;
    let buffer = Buffer.alloc(0);
    let at = magicBytes;
    for (;;) {
      signal?.throwIfAborted();
      const size = sizeOf(buffer);
      if (size !== null && (size < headerBytes || size > mostBytes))
        throw damaged(file, at, `an event of ${size} bytes`);
      if (size === null || buffer.length < size) {
        const more = await handle.read(
          Buffer.alloc(Math.max(chunkBytes, (size ?? 0) - buffer.length)),
          0,
          null,
          at + buffer.length,
        );
        if (more.bytesRead === 0) return;
        buffer = Buffer.concat([buffer, more.buffer.subarray(0, more.bytesRead)]);
        continue;
      }
      const bytes = buffer.subarray(0, size);
      checksums = bytes[4] === formatType ? hasChecksums(bytes) : checksums;
      if (checksums && !isWhole(bytes)) throw damaged(file, at, "its checksum is not that of its bytes");
      yield eventOf(bytes, at, checksums);
      buffer = buffer.subarray(size);
      at += size;
    }
  } finally {
    await handle.close();
  }
}

const formatType = 15;
const checksumBytes = 4;

function sizeOf(buffer: Buffer): number | null {
  return buffer.length < headerBytes ? null : buffer.readUInt32LE(9);
}

/** The format's event always ends with the algorithm and a checksum of its own (since MySQL 5.6, MariaDB 5.3). */
function hasChecksums(format: Buffer): boolean {
  return format[format.length - checksumBytes - 1] === 1;
}

/** The server marks the format's event of a file that it has open (flag 1), and leaves that mark out of the checksum. */
function isWhole(bytes: Buffer): boolean {
  const expected = bytes.readUInt32LE(bytes.length - checksumBytes);
  const counted = Buffer.from(bytes.subarray(0, bytes.length - checksumBytes));
  if (bytes[4] === formatType) counted.writeUInt16LE(counted.readUInt16LE(17) & ~1, 17);
  return crc32(counted) === expected;
}

function eventOf(bytes: Buffer, from: number, checksums: boolean): LogEvent {
  const type = bytes[4] ?? 0;
  const end = checksums || type === formatType ? bytes.length - checksumBytes : bytes.length;
  return {
    type,
    kind: kindOf(type),
    from,
    to: from + bytes.length,
    at: bytes.readUInt32LE(0),
    server: bytes.readUInt32LE(5),
    bytes,
    body: bytes.subarray(headerBytes, end),
  };
}

function damaged(file: string, at: number, why: string): Fault {
  return new Fault("HF-MYSQL-LOG-DAMAGED", `the copy of the binary log can't be read at byte ${at}: ${why}`, {
    exit: "refused",
    subject: file,
    still: "Nothing was changed; what was read before it stands.",
    hint: "Copy that file of the log again, as long as the server has it.",
  });
}
