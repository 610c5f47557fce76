import type { Statement } from "../../../evidence.ts";
import type { TableName } from "../../../inspect.ts";
import type { Connection } from "../../connection.ts";
import type { PostgresTarget } from "../../target.ts";
import { change, type Closed, type When } from "../closed.ts";
import { pageinspectMissing } from "../extensions.ts";
import { readSlot, slotName } from "../freeze/slots.ts";
import { pageSize } from "../pages/layout.ts";
import { tablesOf } from "../statement.ts";
import { blindRole } from "../rights.ts";
import { ahead, lowXid } from "../xid.ts";

export const extension = "pg_dirtyread";

/** From catalogues alone; null where nothing stands in the way. */
export async function whyClosed(target: PostgresTarget, statement: Statement): Promise<Closed | null> {
  const asking = await target.catalogue();
  return (await whyNotHere(asking, tablesOf(statement), "now")) ?? pinClosed(target, asking, statement);
}

/** The same, but for whether the rows are held. */
export async function whyNotHere(asking: Connection, tables: readonly TableName[], when: When): Promise<Closed | null> {
  const server = await connectionFacts(asking, tables);
  const noSuperuser = await blindRole(asking);
  if (noSuperuser) return noSuperuser;
  if (server.there !== "true") {
    const debian = `postgresql-${server.major}-dirtyread`;
    return {
      why: `The server does not have the extension ${extension}.`,
      opensWith: `The package ${extension} for its version on the server's machine (Debian: ${debian}); no restart.`,
      change: change("package", debian),
    };
  }
  const blind = await pageinspectMissing(asking, when);
  if (blind) return blind;
  if (server.block !== String(pageSize) || server.strange !== "")
    return {
      why:
        server.strange === ""
          ? `The server's pages have ${server.block} bytes.`
          : `${server.strange}: not kept by the access method heap.`,
      opensWith: "Another recovery path.",
    };
  return null;
}

async function connectionFacts(asking: Connection, tables: readonly TableName[]) {
  return asking.row(
    "asking what this server lets us read",
    `SELECT current_setting('block_size') AS block,
            EXISTS (SELECT FROM pg_available_extensions WHERE name = $1)::text AS there,
            (current_setting('server_version_num')::int / 10000)::text AS major,
            (SELECT coalesce(string_agg(c.oid::regclass::text, ', '), '') FROM unnest($2::text[]) AS n(name)
               JOIN pg_class c ON c.oid = to_regclass(n.name) JOIN pg_am a ON a.oid = c.relam WHERE a.amname <> 'heap') AS strange`,
    [extension, [...tables]],
  );
}

/** Long values are looked up by an index, and such a look removes dead ones that nothing holds: one pin of the server bears both. */
async function pinClosed(target: PostgresTarget, asking: Connection, statement: Statement): Promise<Closed | null> {
  const slot = await readSlot(asking, slotName("rows", target.request.session.run), null);
  const opensWith = "A freeze that holds: this path reads by SQL, which removes what nothing holds.";
  if (slot === null || slot.xmin === null || slot.walStatus === "lost" || slot.invalidation !== null)
    return { why: "No pin holds the rows and their long values.", opensWith };
  const { xmin } = slot;
  const ids = [...statement.transactions, ...statement.subtransactions].map((xid) => lowXid(Number(xid)));
  return ids.some((id) => ahead(xmin, id) > 0)
    ? { why: `The pin holds only what died since transaction ${xmin}.`, opensWith }
    : null;
}
