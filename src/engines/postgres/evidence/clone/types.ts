import type { Connection } from "../../connection.ts";

/**
 * Names of types below the table's columns whose text means something else now: an enum with a renamed label, a composite with other
 * attributes. A label that was added since changes nothing of what was there.
 */
export async function typesChanged(clone: Connection, target: Connection, oid: number): Promise<readonly string[]> {
  const doing = "comparing the types of the columns";
  const { types } = await clone.row(
    doing,
    `SELECT coalesce(array_agg(DISTINCT atttypid::text), '{}')::text AS types FROM pg_attribute
      WHERE attrelid = $1::oid AND attnum > 0 AND NOT attisdropped`,
    [String(oid)],
  );
  const all = [types ?? "{}"];
  const [then, now] = [await clone.rows(doing, partsSql, all), await target.rows(doing, partsSql, all)];
  const textOf = ({ kind, id, part }: Readonly<Record<string, string | null>>) => `${kind} ${id} ${part}`;
  const known = new Set(now.map(textOf));
  const before = new Set(then.map(textOf));
  const gone = then.filter((part) => !known.has(textOf(part)));
  const added = now.filter((part) => part.kind === "attribute" && !before.has(textOf(part)));
  return [...new Set([...gone, ...added].map(({ type }) => `the type ${type} has other parts than then`))];
}

/** Everything below: elements of arrays, what domains are made of, attributes of composites, bounds of ranges. */
const partsSql = `WITH RECURSIVE below(oid) AS (
    SELECT unnest($1::oid[]) UNION
    SELECT part.oid FROM below b JOIN pg_type t ON t.oid = b.oid CROSS JOIN LATERAL (
      SELECT t.typelem AS oid WHERE t.typelem <> 0 UNION ALL SELECT t.typbasetype WHERE t.typbasetype <> 0
      UNION ALL SELECT a.atttypid FROM pg_attribute a WHERE a.attrelid = t.typrelid AND t.typtype = 'c' AND a.attnum > 0 AND NOT a.attisdropped
      UNION ALL SELECT r.rngsubtype FROM pg_range r WHERE r.rngtypid = t.oid OR r.rngmultitypid = t.oid) part)
  SELECT 'label' AS kind, e.oid::text AS id, e.enumlabel::text AS part, format_type(e.enumtypid, NULL) AS type
    FROM pg_enum e JOIN below b ON b.oid = e.enumtypid
  UNION ALL SELECT 'attribute', a.attrelid::text || '.' || a.attnum, a.atttypid::text || ' ' || a.attisdropped, format_type(t.oid, NULL)
    FROM below b JOIN pg_type t ON t.oid = b.oid AND t.typtype = 'c' JOIN pg_attribute a ON a.attrelid = t.typrelid AND a.attnum > 0
  UNION ALL SELECT 'type', b.oid::text, '', format_type(b.oid, NULL) FROM below b JOIN pg_type t ON t.oid = b.oid`;
