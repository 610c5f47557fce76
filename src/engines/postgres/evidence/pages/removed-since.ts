import type { Watch } from "../../../engine.ts";
import type { RowKeyText, Statement } from "../../../evidence.ts";
import type { TableName } from "../../../inspect.ts";
import type { Connection } from "../../connection.ts";
import { extensionSchema } from "../extensions.ts";
import { lsnNumber, lsnText } from "../log/position.ts";
import { membersOf } from "../statement.ts";
import { ahead, fullXid, lowXid, nextXid } from "../xid.ts";
import { deleterOf } from "./count.ts";
import { keyReaderOf } from "./key-text.ts";
import { eachVersion, pageSize, type Version, versionBytes } from "./layout.ts";
import { multixacts } from "./multixact.ts";
import { pagesSince } from "./read.ts";
import { pageSource, relations } from "./relation.ts";

/** What is known of more keys is left out: nobody decides about so many by hand. */
const most = 100_000;

/**
 * Versions on the pages that somebody made after the statement, and that somebody deleted since: younger than the statement's last
 * transaction, both by their maker and by their deleter, and the last of their chain. Only pages that were written since its commit are read.
 */
export async function removedSince(
  { reading, asking }: { readonly reading: Connection; readonly asking: Connection },
  statement: Statement,
  table: TableName,
  watch: Watch,
): Promise<readonly RowKeyText[]> {
  const readKey = await keyReaderOf(asking, table);
  const [relation] = await relations(reading, [table]);
  if (readKey === null || relation === undefined || statement.transactions.length === 0) return [];
  if ((await extensionSchema(reading, "pageinspect")) === null) return [];
  const source = await pageSource(reading, relation.blocks * pageSize);
  const judge = younger(statement);
  const found: { readonly key: RowKeyText; readonly maker: number; readonly deleter: number }[] = [];
  const multis = multixacts(asking);
  for await (const { block, page } of pagesSince(source, table, relation.blocks, committedAt(statement), watch)) {
    await multis.learn({ first: block, pages: [page] });
    eachVersion(page, block, (version) => {
      const deleter = deleterOf(version, multis) ?? 0;
      const key = judge(version, deleter) && found.length < most ? readKey(versionBytes(page, version)) : null;
      if (key !== null) found.push({ key, maker: page.readUInt32LE(version.row), deleter });
    });
  }
  const committed = await committedOf(
    asking,
    found.flatMap(({ maker, deleter }) => [maker, deleter]),
  );
  return found.filter(({ maker, deleter }) => committed.has(maker) && committed.has(deleter)).map(({ key }) => key);
}

/** The place of the oldest of its commits, where the log told them; else nothing is passed over. */
function committedAt({ positions = [], transactions }: Statement): string {
  const known = positions.length === transactions.length ? positions.map((one) => lsnNumber(one)) : [];
  return known.length === 0 ? "0/0" : lsnText(known.reduce((a, b) => (a < b ? a : b)));
}

function younger(statement: Statement): (version: Version, deleter: number) => boolean {
  const members = membersOf(statement);
  const last = lowXid(statement.transactions.map(Number).reduce((a, b) => Math.max(a, b), 0));
  const isOthers = (xid: number) => xid >= 3 && !members.has(xid) && ahead(xid, last) > 0;
  return ({ maker, next }, deleter) => next === "itself" && isOthers(deleter) && isOthers(maker);
}

async function committedOf(asking: Connection, low: readonly number[]): Promise<ReadonlySet<number>> {
  const ids = [...new Set(low)];
  if (ids.length === 0) return new Set();
  const next = await nextXid(asking);
  const rows = await asking.rows(
    "asking what became of later transactions",
    "SELECT low FROM unnest($1::text[], $2::text[]) AS u(low, whole) WHERE pg_xact_status(whole::xid8) = 'committed'",
    [ids.map(String), ids.map((xid) => String(fullXid(xid, next)))],
  );
  return new Set(rows.map((row) => Number(row["low"])));
}
