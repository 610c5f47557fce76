import type { Connection } from "../../connection.ts";
import { number } from "../say.ts";
import type { FullXid } from "../xid.ts";
import type { FileWrites, LoggedWrites } from "./writes.ts";

/** What the members of a statement wrote, by file. */
export function writesOf(members: readonly FullXid[], { writes }: LoggedWrites): ReadonlyMap<string, FileWrites> {
  const sum = new Map<string, FileWrites>();
  for (const xid of members)
    for (const [file, more] of writes.get(xid) ?? []) {
      const before = sum.get(file) ?? { deleted: 0, updated: 0, inserted: 0, moved: 0 };
      sum.set(file, {
        deleted: before.deleted + more.deleted,
        updated: before.updated + more.updated,
        inserted: before.inserted + more.inserted,
        moved: before.moved + more.moved,
      });
    }
  return sum;
}

/** Names of tables that statements wrote to beyond those that were looked at: by triggers, or by more than one statement. */
export async function namesBeyond(
  connection: Connection,
  { writes, files }: LoggedWrites,
): Promise<ReadonlyMap<string, string>> {
  const others = new Set([...writes.values()].flatMap((all) => [...all.keys()]).filter((file) => !files.has(file)));
  const parts = [...others].map((file) => file.split("/"));
  const rows = await connection.rows(
    "looking up what else was written to",
    `SELECT f.space || '/' || f.node AS file, c.oid::regclass::text AS name FROM unnest($1::text[], $2::text[]) AS f(space, node)
       JOIN pg_class c ON c.oid = coalesce(pg_filenode_relation(0, f.node::oid), pg_filenode_relation(f.space::oid, f.node::oid))
      WHERE c.relnamespace NOT IN ('pg_catalog'::regnamespace, 'pg_toast'::regnamespace, 'information_schema'::regnamespace)`,
    [parts.map(([space = ""]) => space), parts.map(([, , node = ""]) => node)],
  );
  const names = new Map(rows.map((row) => [row.file ?? "", row.name ?? ""]));
  return new Map(
    [...others].flatMap((file) => {
      const [space, , node] = file.split("/");
      const name = names.get(`${space}/${node}`);
      return name === undefined ? [] : [[file, name] as const];
    }),
  );
}

/** One sentence where the statement reached further than the tables that were looked at. */
export function beyondWords(
  written: ReadonlyMap<string, FileWrites>,
  files: LoggedWrites["files"],
  names: ReadonlyMap<string, string>,
): readonly string[] {
  const parts = [...written].flatMap(([file, counts]) => {
    const name = files.has(file) ? undefined : names.get(file);
    return name === undefined ? [] : [`${name} (${countWords(counts)})`];
  });
  if (parts.length === 0) return [];
  return [`It also wrote to ${parts.toSorted().join(", ")}: not looked at here, and not part of what comes back.`];
}

function countWords({ deleted, updated, inserted, moved }: FileWrites): string {
  const parts = [
    [deleted, "deleted"],
    [updated, "updated"],
    [inserted, "inserted"],
    [moved, "moved to another partition"],
  ] as const;
  return parts
    .filter(([n]) => n > 0)
    .map(([n, what]) => `${number(n)} ${what}`)
    .join(", ");
}
