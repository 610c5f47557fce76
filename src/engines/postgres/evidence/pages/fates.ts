import type { Asked } from "../statement.ts";
import { place, type Version } from "./layout.ts";

/**
 * What a set F of transactions did to the versions of one table. A version comes back only when its deleter is in F, its maker is
 * not, and its chain of newer versions ends deleted within F; or, where the former values are asked for, ends alive: in a version that F
 * made and did not end.
 */
export interface Fates {
  see(version: Version, deleter: number, unclear: boolean): Fate;
  settle(): Settled;
}

/** `deleted`: comes back for sure. `later`: known by `settle`, when all pages were seen. `no`: does not come back. */
export type Fate = "deleted" | "later" | "no";

export interface Settled {
  readonly rows: number;
  readonly updated: number;
  readonly moved: number;
  /** Versions that it made and ended itself; where former values are asked for, those that it replaced once more. */
  readonly own: number;
  /** Of its own: those that were made by an UPDATE of a version that is gone. It may have been somebody else's row. Absent: none. */
  readonly headless?: number;
  readonly unknown: number;
  /** Places of those that `see` put off and that come back. */
  readonly back: ReadonlySet<number>;
  /** Where former values are asked for: by these places, that of the version in which the chain ends. */
  readonly ends?: ReadonlyMap<number, number>;
  /** Of the unknown ones: places of those that `see` put off, whose chain has a gap. */
  readonly broken: ReadonlySet<number>;
  /** Of the unknown ones: how many had an unclear deleter. */
  readonly unclear: number;
  /** Not among `rows`: older versions of rows that a group took again later. */
  readonly older?: number;
}

/** A version that F made. */
interface Made {
  readonly maker: number;
  readonly newer: boolean;
  readonly next: number;
}

const [endDeleted, endMoved, endAlive] = [-1, -2, -3];

/** `members`: 32-bit ids of F. Memory grows with what F made and updated, not with what it deleted. */
export function fates(members: ReadonlySet<number>, asked: Asked = "rows"): Fates {
  const wanted = asked === "rows" ? endDeleted : endAlive;
  const counts = { rows: 0, updated: 0, moved: 0, unclear: 0 };
  /** Versions that F made: by place, their maker and where their chain goes on. */
  const made = new Map<number, Made>();
  /** Versions of others that F updated: by place. */
  const heads: { readonly at: number; readonly next: number; readonly by: number }[] = [];

  const see: Fates["see"] = (version, deleter, unclear) => {
    const byUs = deleter !== 0 && members.has(deleter);
    const fromUs = version.maker !== 0 && members.has(version.maker);
    if (unclear && !fromUs) counts.unclear += 1;
    if (fromUs) {
      const { maker, newer } = version;
      made.set(place(version.block, version.offset), { maker, newer, next: byUs ? step(version) : endAlive });
      return "no";
    }
    if (!byUs) return "no";
    if (version.next === "itself") return asked === "values" ? "no" : ((counts.rows += 1), "deleted");
    if (version.next === "moved") return ((counts.moved += 1), "no");
    heads.push({ at: place(version.block, version.offset), next: step(version), by: deleter });
    return "later";
  };

  const settle = (): Settled => {
    const [back, broken] = [new Set<number>(), new Set<number>()];
    const [reached, ends] = [new Set<number>(), new Map<number, number>()];
    for (const head of heads) {
      const { end, last } = follow(made, head, reached);
      if (end === null) broken.add(head.at);
      else if (end === endMoved) counts.moved += 1;
      else if (end === wanted) {
        back.add(head.at);
        if (asked === "values") ends.set(head.at, last);
      } else if (end === endAlive) counts.updated += 1;
    }
    const isOwn = ([at, { next }]: readonly [number, Made]) =>
      asked === "values" ? next >= 0 : next === endDeleted && !reached.has(at);
    const own = [...made].filter(isOwn).map(([at]) => at);
    const headless = asked === "values" ? 0 : headlessOf(made, own);
    const unknown = counts.unclear + broken.size;
    const rows = counts.rows + back.size;
    const told = { ...counts, own: own.length, unknown, rows, back, broken };
    return { ...told, ...(headless > 0 ? { headless } : {}), ...(asked === "values" ? { ends } : {}) };
  };
  return { see, settle };
}

function step(version: Version): number {
  if (version.next === "itself") return endDeleted;
  return version.next === "moved" ? endMoved : place(version.nextBlock, version.nextOffset);
}

/** How the chain ends, null where a link is missing (pruned before it was held); and the place of its last version. */
function follow(
  made: ReadonlyMap<number, Made>,
  head: { readonly next: number; readonly by: number },
  reached: Set<number>,
): { readonly end: number | null; readonly last: number } {
  let [at, last, first] = [head.next, head.next, true];
  while (at >= 0) {
    const link = made.get(at);
    // A pruned version's place may have been given to another row since.
    if (!link || reached.has(at) || (first && link.maker !== head.by)) return { end: null, last };
    reached.add(at);
    [at, last, first] = [link.next, at, false];
  }
  return { end: at, last };
}

/** How many of these ends no row leads to that F had inserted. */
function headlessOf(made: ReadonlyMap<number, Made>, ends: readonly number[]): number {
  if (!ends.some((at) => made.get(at)?.newer)) return 0;
  const led = new Set<number>();
  for (const { newer, maker, next } of made.values()) if (!newer) follow(made, { next, by: maker }, led);
  return ends.filter((at) => made.get(at)?.newer && !led.has(at)).length;
}
