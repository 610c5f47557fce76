import { closeSync, openSync, readSync, unlinkSync } from "node:fs";
import path from "node:path";
import { randomBytes } from "node:crypto";
import { writeAll } from "../scratch-files.ts";

/**
 * What was read of the log, sorted by part of a table, on this machine's disk: so that memory does not grow with the log. The file
 * has no name from the first moment on; it is gone when this process is.
 */
export interface Spool {
  /** `write` puts the entry, of that many bytes, into the buffer from that place on. */
  add(key: string, bytes: number, write: (into: Buffer, at: number) => void): void;
  keys(): readonly string[];
  /** In the order of adding; each buffer holds whole entries, and is the reader's own. */
  read(key: string): Iterable<Buffer>;
  close(): void;
}

interface Lane {
  waiting: Buffer;
  used: number;
  readonly written: { readonly at: number; readonly length: number }[];
}

const laneBytes = 256 * 1024;

export function openSpool(folder: string): Spool {
  const name = path.join(folder, `log-${randomBytes(8).toString("hex")}`);
  const file = openSync(name, "wx+", 0o600);
  unlinkSync(name);
  const lanes = new Map<string, Lane>();
  let end = 0;
  const flush = (lane: Lane) => {
    if (lane.used === 0) return;
    writeAll(file, lane.waiting, lane.used, end);
    lane.written.push({ at: end, length: lane.used });
    end += lane.used;
    lane.used = 0;
  };
  return {
    add: (key, bytes, write) => {
      const lane = lanes.get(key) ?? { waiting: Buffer.alloc(0), used: 0, written: [] };
      lanes.set(key, lane);
      if (lane.used + bytes > lane.waiting.length) {
        flush(lane);
        if (bytes > lane.waiting.length) lane.waiting = Buffer.allocUnsafe(Math.max(bytes, laneBytes));
      }
      write(lane.waiting, lane.used);
      lane.used += bytes;
    },
    keys: () => [...lanes.keys()],
    *read(key) {
      const lane = lanes.get(key);
      if (!lane) return;
      flush(lane);
      for (const { at, length } of lane.written) {
        const bytes = Buffer.allocUnsafe(length);
        readSync(file, bytes, 0, length, at);
        yield bytes;
      }
    },
    close: () => closeSync(file),
  };
}
