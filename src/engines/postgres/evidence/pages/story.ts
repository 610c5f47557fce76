import type { Statement } from "../../../evidence.ts";
import type { TableName } from "../../../inspect.ts";
import type { Connection } from "../../connection.ts";
import { type Asked, membersOf } from "../statement.ts";
import { type Fate, fates, type Settled } from "./fates.ts";
import { place, type Version, versionBytes } from "./layout.ts";
import { type Newest, newestOf, withoutOlder } from "./newest.ts";

/** What became of a table's versions, with those of one row weighed against each other: for who reads pages and writes none. */
export interface Story {
  see(page: Buffer, version: Version, deleter: number | null): Fate;
  settle(): Told;
}

export interface Told {
  readonly settled: Settled;
  /** Places that `see` gave out as deleted, or as coming back later, and that stay out for a newer one. */
  readonly older: ReadonlySet<number>;
}

export async function storyOf(asking: Connection, statement: Statement, table: TableName): Promise<Story> {
  if (statement.values) return story(membersOf(statement), null, "values");
  return story(membersOf(statement), await newestOf(asking, statement, table));
}

/** `newest` null: nothing is weighed, and every version that was taken counts. */
export function story(members: ReadonlySet<number>, newest: Newest | null, asked: Asked = "rows"): Story {
  const judge = fates(members, asked);
  return {
    see: (page, version, deleter) => {
      const fate = judge.see(version, deleter ?? 0, deleter === null);
      if (newest === null || fate === "no") return fate;
      const at = place(version.block, version.offset);
      const weighed = newest.weigh(versionBytes(page, version), deleter ?? 0, page.readUInt32LE(version.row));
      if (fate === "deleted") newest.take(weighed, at);
      else newest.wait(at, weighed, at);
      return fate;
    },
    settle: () => {
      const settled = judge.settle();
      if (newest === null) return { settled, older: new Set() };
      for (const at of settled.back) newest.arrive(at);
      const older = new Set(newest.older());
      return { settled: withoutOlder(settled, older.size), older };
    },
  };
}
