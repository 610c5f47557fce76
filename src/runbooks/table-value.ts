/** A table as an operator writes it: SQL's own rules for quotes and small letters, but no SQL is run on it. */
export interface TableParts {
  readonly schema: string;
  readonly name: string;
}

export type ParsedTable =
  | { readonly ok: true; readonly table: TableParts }
  | { readonly ok: false; readonly reason: string; readonly passes: string };

const passes = 'schema.table, for example public.orders or "Odd Name"."t"';
/** PostgreSQL cuts a longer name silently, and would then mean another table. */
const longestName = 63;

/** Parses `schema.table`. An unquoted name is taken in small letters, as SQL takes it. */
export function parseTable(text: string): ParsedTable {
  const refused = (reason: string): ParsedTable => ({ ok: false, reason, passes });
  if (text.includes("\0")) return refused("a name has no NUL character");
  if (!text.isWellFormed()) return refused("it is no whole Unicode text");
  const parts = splitNames(text.trim());
  if (parts === null) return refused("that is no name as SQL writes it: what is not plain stands in double quotes");
  const [schema, name] = parts;
  if (schema === undefined || name === undefined) return refused("the schema is missing");
  if (parts.length > 2) return refused("it has more parts than schema and table");
  if (schema === "" || name === "") return refused("a name can't be empty");
  if ([schema, name].some((part) => Buffer.byteLength(part) > longestName)) {
    return refused(`a name has at most ${longestName} bytes`);
  }
  return { ok: true, table: { schema, name } };
}

/** One text for one table: quotes stand only where a name needs them. */
export function writeTable({ schema, name }: TableParts): string {
  return `${writeName(schema)}.${writeName(name)}`;
}

function writeName(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

function splitNames(text: string): readonly string[] | null {
  const one = /(?:"((?:[^"]|"")*)"|([\p{L}_][\p{L}\p{N}\p{M}_$]*))(\.|$)/uy;
  const parts: string[] = [];
  while (true) {
    const found = one.exec(text);
    if (found === null) return null;
    const [, quotedName, plainName = "", end] = found;
    parts.push(quotedName === undefined ? smallLetters(plainName) : quotedName.replaceAll('""', '"'));
    if (end === "") return parts;
  }
}

/** Only A to Z: what a server does with other letters depends on its locale, so they are left as written. */
function smallLetters(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
}
