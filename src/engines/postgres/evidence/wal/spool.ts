import { closeSync, openSync, readSync, unlinkSync, writeSync } from "node:fs";
import path from "node:path";
import { randomBytes } from "node:crypto";

/**
 * What was read of the log, sorted by part of a table, on this machine's disk: so that memory does not grow with the log. The file
 * has no name from the first moment on; it is gone when this process is.
 */
export interface Spool {
  add(key: string, parts: readonly Buffer[]): void;
  keys(): readonly string[];
  /** In the order of adding; each buffer holds whole entries. */
  read(key: string): Iterable<Buffer>;
  close(): void;
}

interface Lane {
  readonly waiting: Buffer[];
  bytes: number;
  readonly written: { readonly at: number; readonly length: number }[];
}

const writeAt = 256 * 1024;

export function openSpool(folder: string): Spool {
  const name = path.join(folder, `log-${randomBytes(8).toString("hex")}`);
  const file = openSync(name, "wx+", 0o600);
  unlinkSync(name);
  const lanes = new Map<string, Lane>();
  let end = 0;
  const flush = (lane: Lane) => {
    if (lane.bytes === 0) return;
    writeSync(file, Buffer.concat(lane.waiting.splice(0)), 0, lane.bytes, end);
    lane.written.push({ at: end, length: lane.bytes });
    end += lane.bytes;
    lane.bytes = 0;
  };
  return {
    add: (key, parts) => {
      const lane = lanes.get(key) ?? { waiting: [], bytes: 0, written: [] };
      lanes.set(key, lane);
      for (const part of parts) {
        lane.waiting.push(part);
        lane.bytes += part.length;
      }
      if (lane.bytes >= writeAt) flush(lane);
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
