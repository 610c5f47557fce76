import type { TableName } from "../../inspect.ts";
import { type Column, type ForeignKey, fromTable, type KeyPart, rowKey, type UniqueKey } from "../catalogue.ts";
import type { AreaTable } from "./area.ts";

/**
 * How the rescued rows of one table are compared with the table, as pieces of SQL. `r` is always a rescued row. Two values are the same
 * when the operator of the index or the foreign key says so; two rows are equal when the server writes them with the same text, which
 * also holds for types that have no equality (json, xml, point).
 *
 * Without a key nothing tells which row is which: there a content is weighed by how often it was rescued and how often it is in the table.
 */
export interface Comparison {
  readonly area: AreaTable;
  readonly key: UniqueKey | null;
  /** Other unique indexes whose columns were all rescued. */
  readonly others: readonly UniqueKey[];
  readonly foreignKeys: readonly ForeignKey[];
  /** What can be written and was rescued: generated columns are neither copied nor compared. */
  readonly columns: readonly Column[];
  /** `select … from <rescued> where …`. */
  readonly rescued: string;
}

export type Keyed = Comparison & { readonly key: UniqueKey };

export function isKeyed(compared: Comparison): compared is Keyed {
  return compared.key !== null;
}

export function comparison(area: AreaTable): Comparison {
  const rescued = new Set(area.columns.map((column) => column.name));
  const key = rowKey({ ...area.shape, uniqueKeys: area.shape.uniqueKeys.filter((one) => covered(one, rescued)) });
  const others = area.shape.uniqueKeys.filter(
    (one) => one.name !== key?.name && comparable(one) && covered(one, rescued),
  );
  const columns = area.columns.filter((column) => column.generated === "");
  return {
    area,
    key,
    others,
    foreignKeys: area.shape.foreignKeys.filter((one) => one.pairs.every((pair) => rescued.has(pair.child))),
    columns,
    rescued: key === null ? weighedSql(area, others, columns) : `(${rescuedSql(area, others)}) as r`,
  };
}

const covered = (key: UniqueKey, rescued: ReadonlySet<string>) => key.uses.every((name) => rescued.has(name));
const comparable = (key: UniqueKey) =>
  (key.method === "btree" || key.excludes) && key.parts.every((part) => part.equals !== null);

/** Values of indexed expressions and predicates stand beside the row: their text names columns without a table. */
function rescuedSql(area: AreaTable, others: readonly UniqueKey[]): string {
  const extra = others.flatMap((key, number) => [
    ...key.parts.map((part, at) => `${partSql(part)} as ${partName(number, at)}`),
    `(${key.predicate ?? "true"}) is true as ${predicateName(number)}`,
  ]);
  const own = [area.ordinal, ...area.columns.map((column) => column.quoted)];
  return `select ${[...own, ...extra].join(", ")} from ${area.rows}`;
}

/** Beside each rescued row the how manieth of its content it is, and how often that content is in the table now. */
function weighedSql(area: AreaTable, others: readonly UniqueKey[], columns: readonly Column[]): string {
  const [content, nth, there] = weights(area);
  const counted = `select ${contentSql(columns, "k")} as ${content}, count(*) as ${there} from ${fromTable(area.shape)} as k group by 1`;
  const numbered = `select c.*, row_number() over (partition by c.${content} order by c.${area.ordinal}) as ${nth}
    from (select q.*, ${contentSql(columns, "q")} as ${content} from (${rescuedSql(area, others)}) as q) as c`;
  return `(select n.*, coalesce(p.${there}, 0) as ${there} from (${numbered}) as n left join (${counted}) as p on p.${content} = n.${content}) as r`;
}

const weights = ({ ordinal }: AreaTable) => [`${ordinal}_content`, `${ordinal}_nth`, `${ordinal}_there`] as const;

const partName = (key: number, part: number) => `holdfast_x${key}_${part}`;
const predicateName = (key: number) => `holdfast_w${key}`;
const collated = (value: string, collation: string | null) =>
  collation === null ? value : `${value} collate ${collation}`;
const partSql = (part: KeyPart) => collated(`(${part.text})`, part.collation);

/** The table's row of the same key stands under `alias`. */
export function sameKey({ key, area }: Keyed, alias: string): string {
  return key.parts
    .map((part) => {
      const column = columnOf(area, part);
      const [theirs, ours] = [`${alias}.${column.quoted}`, `r.${column.quoted}`];
      return `${collated(theirs, part.collation)} ${part.equals} ${collated(ours, part.collation)}`;
    })
    .join(" and ");
}

export function keyColumns({ key, area }: Keyed): readonly Column[] {
  return key.parts.map((part) => columnOf(area, part));
}

function columnOf(area: AreaTable, part: KeyPart): Column {
  const column = area.columns.find((one) => one.name === part.column);
  if (column === undefined) throw new Error(`the key of ${area.table} reads a column that was not rescued`);
  return column;
}

/** A row of the same key is in the table; without a key, its content is there so often that this row of it may be among them. */
export function isPresent(compared: Comparison): string {
  if (!isKeyed(compared)) {
    const [, nth, there] = weights(compared.area);
    return `r.${nth} <= r.${there}`;
  }
  return `exists (select from ${fromTable(compared.area.shape)} as k where ${sameKey(compared, "k")})`;
}

/** Another unique index has a row of the table in this one's place. */
export function isTaken({ area, others }: Comparison, key: UniqueKey): string {
  const number = others.indexOf(key);
  const parts = key.parts.map((part, at) => `${partSql(part)} as v${at}`).join(", ");
  const where = key.predicate === null ? "" : ` where ${key.predicate}`;
  const same = key.parts
    .map((part, at) => equalParts(key, part, `u.v${at}`, `r.${partName(number, at)}`))
    .join(" and ");
  return `exists (select from (select ${parts} from ${fromTable(area.shape)}${where}) as u where r.${predicateName(number)} and ${same})`;
}

function equalParts(key: UniqueKey, part: KeyPart, theirs: string, ours: string): string {
  const same = `${theirs} ${part.equals} ${ours}`;
  return key.nullsEqual ? `(${same} or (${theirs} is null and ${ours} is null))` : same;
}

/** Rescued rows that claim the same place in the index, told by `partition by`; those that claim none are left out by `where`. */
export function placeInIndex({ others }: Comparison, key: UniqueKey): { readonly by: string; readonly where: string } {
  const number = others.indexOf(key);
  const parts = key.parts.map((_part, at) => `r.${partName(number, at)}`);
  const notNull = key.nullsEqual ? [] : parts.map((part) => `${part} is not null`);
  return { by: parts.join(", "), where: [`r.${predicateName(number)}`, ...notNull].join(" and ") };
}

/** Every column of the reference has a value: only then does it need a parent. */
export function refers(key: ForeignKey, alias: string): string {
  return key.pairs.map((pair) => `${alias}.${pair.childQuoted} is not null`).join(" and ");
}

/** A condition on a parent under the alias `parent` and a child under `alias`. */
export function isParent(key: Pick<ForeignKey, "pairs">, alias: string, parent = "p"): string {
  return key.pairs
    .map((pair) => {
      const [theirs, ours] = [`${parent}.${pair.parentQuoted}`, `${alias}.${pair.childQuoted}`];
      return `${collated(theirs, pair.collation)} ${pair.equals} ${collated(ours, pair.collation)}`;
    })
    .join(" and ");
}

export function hasParent(key: ForeignKey, alias: string): string {
  const parents = fromTable({ name: key.parent, kind: key.parentKind });
  return `exists (select from ${parents} as p where ${isParent(key, alias)})`;
}

/** Those of the rescued tables in which a parent can wait; the key's parent may be a partitioned table above one of them. */
export function waitingParents(key: ForeignKey, all: readonly Comparison[]): readonly Comparison[] {
  return all.filter(
    ({ area }) =>
      area.shape.ancestors.includes(key.parent) &&
      key.pairs.every((pair) => area.columns.some((column) => column.quoted === pair.parentQuoted)),
  );
}

/**
 * Both rows are written with the same text, generated columns left out. The same bytes are the same text, and are found four times as
 * fast; only where the bytes differ (a value packed in another way) is the text asked.
 */
export function isSameRow({ columns }: Comparison, one: string, other: string): string {
  const [ours, theirs] = [valuesSql(columns, one), valuesSql(columns, other)];
  return `case when pg_catalog.record_image_eq(${ours}, ${theirs}) then true else ${contentSql(columns, one)} = ${contentSql(columns, other)} end`;
}

/** What the server alone makes (GENERATED ALWAYS AS IDENTITY) can't be written: rows that differ in it can't be made the same. */
export function sameIdentity({ columns }: Comparison, one: string, other: string): string {
  const fixed = columns.filter(({ identity }) => identity === "a");
  return fixed.length === 0 ? "true" : fixed.map(({ quoted }) => `${one}.${quoted} = ${other}.${quoted}`).join(" and ");
}

function valuesSql(columns: readonly Column[], alias: string): string {
  const value = ({ quoted, type, baseType }: Column) =>
    type === baseType ? `${alias}.${quoted}` : `${alias}.${quoted}::${baseType}`;
  return `row(${columns.map(value).join(", ")})`;
}

function contentSql(columns: readonly Column[], alias: string): string {
  return `${valuesSql(columns, alias)}::text collate pg_catalog."C"`;
}

/** Names of tables in an order: parents before children; those in a circle come last, and are told. */
export function parentsFirst(
  tables: readonly {
    readonly name: TableName;
    readonly ancestors: readonly TableName[];
    readonly foreignKeys: readonly Pick<ForeignKey, "parent">[];
  }[],
): { readonly order: readonly TableName[]; readonly circle: readonly TableName[] } {
  const order: TableName[] = [];
  let left = [...tables];
  while (left.length > 0) {
    const waits = (one: (typeof left)[number]) =>
      left.some((other) => other !== one && one.foreignKeys.some((key) => other.ancestors.includes(key.parent)));
    const free = left.filter((one) => !waits(one));
    if (free.length === 0) break;
    order.push(...free.map((one) => one.name));
    left = left.filter((one) => !free.includes(one));
  }
  return { order: [...order, ...left.map((one) => one.name)], circle: left.map((one) => one.name) };
}
