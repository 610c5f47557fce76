import { closeSync, openSync } from "node:fs";
import { pageSize } from "../pages/layout.ts";
import { writeAll } from "../scratch-files.ts";

/** A relation's file as PostgreSQL lays it down: in parts of 1 GB, `<path>`, `<path>.1`, … Written in order, patched anywhere. */
export interface RelationFile {
  /** Gives the place of the page in the relation, in bytes. */
  append(page: Buffer): number;
  /** In bytes, what waits to be written included. */
  size(): number;
  /** Four zero bytes at a place: a line pointer that is no longer used. */
  clearPointer(at: number): void;
  /** Paths of the parts, in order; there is always one. */
  close(): readonly string[];
}

const segment = 1024 ** 3;
const pagesAtOnce = 128;

export function relationFile(path: string): RelationFile {
  const parts: { readonly path: string; readonly file: number }[] = [];
  const buffer = Buffer.allocUnsafe(pageSize * pagesAtOnce);
  let [written, waiting] = [0, 0];
  const partAt = (at: number) => {
    const nth = Math.floor(at / segment);
    while (parts.length <= nth) {
      const part = parts.length === 0 ? path : `${path}.${parts.length}`;
      parts.push({ path: part, file: openSync(part, "w", 0o600) });
    }
    return parts[nth]?.file ?? -1;
  };
  const flush = () => {
    // 1 GB is a whole number of buffers, so none lies across two parts.
    if (waiting > 0) writeAll(partAt(written), buffer, waiting, written % segment);
    [written, waiting] = [written + waiting, 0];
  };
  partAt(0);
  return {
    append: (page) => {
      page.copy(buffer, waiting);
      const at = written + waiting;
      waiting += pageSize;
      if (waiting === buffer.length) flush();
      return at;
    },
    size: () => written + waiting,
    clearPointer: (at) => {
      if (at >= written) flush();
      writeAll(partAt(at), Buffer.alloc(4), 4, at % segment);
    },
    close: () => {
      flush();
      for (const { file } of parts) closeSync(file);
      return parts.map((part) => part.path);
    },
  };
}
