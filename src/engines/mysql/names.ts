import type { TableName } from "../inspect.ts";

export interface Parts {
  readonly schema: string;
  readonly table: string;
}

/** As the server writes it, each part in backticks only where it has to be: `shop.orders`. */
export function tableName({ schema, table }: Parts): TableName {
  return `${shown(schema)}.${shown(table)}`;
}

function shown(part: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(part) ? part : quoted(part);
}

/** For SQL: always in backticks, so that no word of the language is taken for one. */
export function quoted(part: string): string {
  return `\`${part.replaceAll("`", "``")}\``;
}

export function quotedTable({ schema, table }: Parts): string {
  return `${quoted(schema)}.${quoted(table)}`;
}

const part = "(?:`(?:[^`]|``)+`|[^`.\\s]+)";
const written = new RegExp(`^\\s*(?:(${part})\\.)?(${part})\\s*$`, "s");

/** `table`, `schema.table`, parts in backticks or bare; null where it is no name. */
export function partsOf(text: string, schema: string): Parts | null {
  if (text.includes("\0")) return null;
  const [, first, second] = written.exec(text) ?? [];
  if (second === undefined) return null;
  return { schema: first === undefined ? schema : bare(first), table: bare(second) };
}

function bare(text: string): string {
  return text.startsWith("`") ? text.slice(1, -1).replaceAll("``", "`") : text;
}
