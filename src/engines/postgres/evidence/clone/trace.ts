import { firstNode, partsOf } from "../log/blocks.ts";
import { nodeKey } from "../../file-node.ts";
import { heap, operationOf, type Removal, removalIn } from "../log/heap.ts";
import { type LogRecord, manager } from "../log/records.ts";
import { place } from "../pages/layout.ts";

/** What one transaction did to the rows of one file, by their places. Memory grows with what it updated and moved, not with what it deleted. */
export interface Trace {
  /** How the story of a version ends that stood there before the transaction and is gone after it. */
  fate(block: number, offset: number): "deleted" | "updated" | "moved";
  /** Of one that was updated: the place of the version in which its chain ends. */
  endOf(block: number, offset: number): number | null;
  /** Rows that it deleted, of others or of its own, without those that it moved. */
  readonly deletes: number;
}

type End = number | "deleted" | "moved";
interface File {
  /** From a place to the place of the next version. */
  readonly next: Map<number, number>;
  /** Places of versions that it made by an UPDATE, and how they ended. */
  readonly made: Map<number, End | "alive">;
  readonly moved: Set<number>;
  deletes: number;
}

export interface TraceReader {
  see(record: LogRecord): void;
  of(file: string): Trace;
}

/** `members`: the transaction and its committed subtransactions, 32 bits. `files` by `nodeKey`. */
export function traceReader(members: ReadonlySet<number>, files: ReadonlySet<string>, before15: boolean): TraceReader {
  const all = new Map<string, File>();
  return {
    see: (record) => {
      if (record.manager !== manager.heap || !members.has(record.xid)) return;
      const operation = operationOf(record);
      if (operation !== heap.remove && operation !== heap.update && operation !== heap.hotUpdate) return;
      const node = firstNode(record.bytes, before15);
      if (node === null || !files.has(nodeKey(node))) return;
      const file = all.get(nodeKey(node)) ?? { next: new Map(), made: new Map(), moved: new Set(), deletes: 0 };
      all.set(nodeKey(node), file);
      const { blocks, main } = partsOf(record.bytes, before15);
      const block = blocks[0]?.block ?? 0;
      if (operation === heap.remove) noteDelete(file, place(block, main.readUInt16LE(4)), removalIn(main));
      else
        noteUpdate(
          file,
          place((blocks[1] ?? blocks[0])?.block ?? 0, main.readUInt16LE(4)),
          place(block, main.readUInt16LE(12)),
        );
    },
    of: (name) => traceOf(all.get(name)),
  };
}

function noteDelete(file: File, at: number, how: Removal): void {
  if (how === "given-up") return;
  if (how === "deleted") file.deletes += 1;
  if (file.made.has(at)) file.made.set(at, how);
  else if (how === "moved") file.moved.add(at);
}

/** `xl_heap_update`: the old place on its page at 4, the new one at 12; the new page comes first. */
function noteUpdate(file: File, from: number, to: number): void {
  if (file.made.has(from)) file.made.set(from, to);
  else file.next.set(from, to);
  file.made.set(to, "alive");
}

function traceOf(file: File | undefined): Trace {
  if (file === undefined) return { fate: () => "deleted", endOf: () => null, deletes: 0 };
  const follow = (from: number): { readonly end: "deleted" | "moved" | "updated"; readonly last: number } => {
    let [end, last]: [End | "alive", number] = [from, from];
    while (typeof end === "number") {
      last = end;
      end = file.made.get(end) ?? "alive";
    }
    return { end: end === "alive" ? "updated" : end, last };
  };
  return {
    fate: (block, offset) => {
      const at = place(block, offset);
      if (file.moved.has(at)) return "moved";
      const next = file.next.get(at);
      return next === undefined ? "deleted" : follow(next).end;
    },
    endOf: (block, offset) => {
      const next = file.next.get(place(block, offset));
      return next === undefined ? null : follow(next).last;
    },
    deletes: file.deletes,
  };
}
