import type { Watch } from "../../../engine.ts";
import type { RecoveredTable, Statement } from "../../../evidence.ts";
import type { Connection } from "../../connection.ts";
import { askedOf, membersOf, tablesOf } from "../statement.ts";
import type { Settled } from "./fates.ts";
import { eachVersion, pageSize, type Version } from "./layout.ts";
import { type Multixacts, multixacts } from "./multixact.ts";
import { rawPages, type Pages } from "./read.ts";
import { pageSource, pagesOf, type Relation, relations } from "./relation.ts";
import { type Story, story, storyOf } from "./story.ts";

/** Exactly what the page transplant would hand out, from raw pages; nothing is written anywhere. */
export async function countRows(
  reading: Connection,
  asking: Connection,
  statement: Statement,
  watch: Watch,
): Promise<readonly RecoveredTable[]> {
  const judging = { statements: [statement], judge: storyOf };
  const [counted = []] = await countPages(reading, asking, judging, watch);
  return counted;
}

/** All that each of several statements took, older versions of a row too, by one reading of the pages. */
export async function countEach(
  reading: Connection,
  asking: Connection,
  statements: readonly Statement[],
  watch: Watch,
): Promise<readonly (readonly RecoveredTable[])[]> {
  const judge: Judging["judge"] = (_asking, statement) =>
    Promise.resolve(story(membersOf(statement), null, askedOf(statement)));
  return countPages(reading, asking, { statements, judge }, watch);
}

interface Judging {
  readonly statements: readonly Statement[];
  readonly judge: typeof storyOf;
}

async function countPages(
  reading: Connection,
  asking: Connection,
  { statements, judge: judgeOf }: Judging,
  watch: Watch,
): Promise<readonly (readonly RecoveredTable[])[]> {
  const names = new Set(statements.flatMap(tablesOf));
  const found = await relations(reading, [...names]);
  const total = pagesOf(found);
  const source = await pageSource(reading, total * pageSize);
  const multis = multixacts(asking);
  const counted: RecoveredTable[][] = statements.map(() => []);
  let done = 0;
  for (const relation of found) {
    let versions = 0;
    const judges: (Story | null)[] = [];
    for (const statement of statements)
      judges.push(hits(statement, relation) ? await judgeOf(asking, statement, relation.table) : null);
    for await (const pages of rawPages(source, relation.table, relation.blocks, watch)) {
      await multis.learn(pages);
      versions += judgePages(
        pages,
        judges.filter((judge) => judge !== null),
        multis,
      );
      done += pages.pages.length;
      watch.progress({ done, total, unit: "pages", note: relation.table });
    }
    const columns = await columnsOf(asking, relation.oid);
    for (const [nth, judge] of judges.entries())
      if (judge)
        counted[nth]?.push(sized(recoveredTable(relation.table, columns, judge.settle().settled), relation, versions));
  }
  return counted;
}

function hits(statement: Statement, relation: Relation): boolean {
  return statement.tables.some(({ table }) => table === relation.table);
}

/** Its share of what the table takes on disk, long values included: their text is about as large. */
function sized(counted: RecoveredTable, { blocks, toast }: Relation, versions: number): RecoveredTable {
  const bytes = (blocks + (toast?.blocks ?? 0)) * pageSize;
  return { ...counted, bytes: Math.round((bytes * counted.rows) / Math.max(1, versions)) };
}

/** How many versions were seen. */
function judgePages({ first, pages }: Pages, judges: readonly Story[], multis: Multixacts): number {
  let versions = 0;
  for (const [index, page] of pages.entries())
    eachVersion(page, first + index, (version) => {
      versions += 1;
      const deleter = deleterOf(version, multis);
      for (const judge of judges) judge.see(page, version, deleter);
    });
  return versions;
}

/** 32 bits; 0 = nobody; null = the server no longer knows. */
export function deleterOf(version: Version, multis: Multixacts): number | null {
  return version.multi && version.deleter !== 0 ? multis.deleter(version.deleter) : version.deleter;
}

/** What COPY can write back: no dropped and no generated columns, in the table's own order. */
export async function columnsOf(connection: Connection, oid: number): Promise<readonly string[]> {
  const sql = `SELECT attname::text AS name FROM pg_attribute WHERE attrelid = $1::text::oid AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum`;
  return (await connection.rows("looking up columns", sql, [String(oid)])).map((row) => row.name ?? "");
}

/** What may have been the statement's own, or not, is not told as such. */
export function recoveredTable(table: string, columns: readonly string[], settled: Settled): RecoveredTable {
  const { rows, updated, moved, headless = 0, older = 0 } = settled;
  const [own, unknown] = [settled.own - headless, settled.unknown + headless];
  return { table, columns, rows, updated, moved, own, unknown, ...(older > 0 ? { older } : {}) };
}
