import { type Column, lockFreeShape, rowKey } from "../../catalogue.ts";
import type { Connection } from "../../connection.ts";
import type { Judged } from "./judge.ts";

/** How one table's rows are asked for. */
export interface Query {
  readonly columns: readonly string[];
  readonly count: string;
  /** In ascending order of the key; without one, in the order of the pages. */
  readonly copy: string;
}

/** `schema`: where the extension lies, quoted. The xmax is asked for again: what lies there now must be what was judged. */
export async function queryFor(asking: Connection, schema: string, judged: Judged): Promise<Query> {
  const { relation, places, endedBy } = judged;
  const shape = await lockFreeShape(asking, relation.table);
  const stored = shape.columns.filter(({ dropped, generated }) => !dropped && generated !== "v");
  const carried = stored.filter(({ generated }) => generated === "");
  const key = (rowKey(shape)?.parts ?? []).flatMap((part) => stored.find(({ name }) => name === part.column) ?? []);
  const read = stored.filter((column) => carried.includes(column) || key.includes(column));
  const declared = ["ctid tid", "xmax xid", ...read.map(({ quoted, type }) => `${quoted} ${type}`)].join(", ");
  const name = asking.client.escapeLiteral(relation.table);
  const from = `FROM ${schema}.pg_dirtyread(${name}::regclass) AS d(${declared}) JOIN (${places.sql()}) AS w ON w.place = d.ctid
    WHERE d.xmax = ANY ('{${[...endedBy].join()}}'::xid[])`;
  const order = key.length > 0 ? key.map(({ quoted }) => `d.${quoted}`).join(", ") : "d.ctid";
  return {
    columns: carried.map(({ name }) => name),
    count: `SELECT count(*)::text AS rows ${from}`,
    copy: `COPY (SELECT ${carried.map(asText).join(", ")} ${from} ORDER BY ${order}) TO STDOUT`,
  };
}

const catalogueName =
  /^reg(proc|procedure|oper|operator|class|type|config|dictionary|namespace|role|collation)(\[\])?$/;

/** A type whose text is a name in the catalogue is handed out as a number: a name may lead elsewhere, or nowhere, by now. */
function asText({ quoted, baseType }: Column): string {
  const named = catalogueName.exec(baseType);
  return named === null ? `d.${quoted}` : `d.${quoted}::oid${named[2] ?? ""}`;
}
