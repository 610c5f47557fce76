import type { Watch } from "../../../engine.ts";
import type { Statement } from "../../../evidence.ts";
import type { Connection } from "../../connection.ts";
import { deleterOf } from "../pages/count.ts";
import type { Settled } from "../pages/fates.ts";
import { eachVersion, pageSize, place } from "../pages/layout.ts";
import { type Multixacts, multixacts } from "../pages/multixact.ts";
import { type PageSource, rawPages } from "../pages/read.ts";
import { pageSource, pagesOf, type Relation, relations } from "../pages/relation.ts";
import { type Story, storyOf } from "../pages/story.ts";
import { membersOf, tablesOf } from "../statement.ts";
import { type Places, places } from "./places.ts";

/** What the raw pages say of one table: which versions come back, and where they lie. */
export interface Judged {
  readonly relation: Relation;
  readonly settled: Settled;
  readonly places: Places;
  /** The xmax as it lies there (a transaction or a multixact) of each version that comes back is one of these. */
  readonly endedBy: ReadonlySet<number>;
}

interface Judging {
  readonly source: PageSource;
  readonly multis: Multixacts;
  readonly members: ReadonlySet<number>;
  readonly watch: Watch;
  seen(pages: number, relation: Relation): void;
}

/** Reads every page of the statement's tables raw, which prunes nothing. */
export async function judge(
  reading: Connection,
  asking: Connection,
  statement: Statement,
  watch: Watch,
): Promise<readonly Judged[]> {
  const found = await relations(reading, tablesOf(statement));
  const total = pagesOf(found);
  let done = 0;
  const judging: Judging = {
    source: await pageSource(reading, total * pageSize),
    multis: multixacts(asking),
    members: membersOf(statement),
    watch,
    seen: (pages, { table }) => watch.progress({ done: (done += pages), total, unit: "pages", note: table }),
  };
  const judged: Judged[] = [];
  for (const relation of found)
    judged.push(await judgeTable(judging, relation, await storyOf(asking, statement, relation.table)));
  return judged;
}

async function judgeTable(
  { source, multis, members, watch, seen }: Judging,
  relation: Relation,
  story: Story,
): Promise<Judged> {
  const [found, later] = [places(), new Map<number, readonly [number, number]>()];
  const endedBy = new Set(members);
  for await (const { first, pages } of rawPages(source, relation.table, relation.blocks, watch)) {
    await multis.learn({ first, pages });
    for (const [index, page] of pages.entries())
      eachVersion(page, first + index, (version) => {
        const deleter = deleterOf(version, multis);
        const fate = story.see(page, version, deleter);
        if (fate === "no") return;
        if (version.multi) endedBy.add(version.deleter);
        if (fate === "deleted") found.add(version.block, version.offset);
        else later.set(place(version.block, version.offset), [version.block, version.offset]);
      });
    seen(pages.length, relation);
  }
  const { settled, older } = story.settle();
  for (const [at, [block, offset]] of later) if (settled.back.has(at)) found.add(block, offset);
  return { relation, settled, places: found.without(older), endedBy };
}
