import { Fault } from "../../core/errors.ts";
import type { TableName } from "../inspect.ts";
import type { Connection } from "./connection.ts";

/** Rows of a dropped table need a table that they can go back to. */
export const droppedHint =
  "If it was dropped: make it again first, empty, under its old name with its old columns and keys; then a clone from a backup has its rows.";

/** What the catalogue says of one table. Every `quoted`, `name`, `type`, `text` and `equals` is the server's own spelling, safe in SQL. */
export interface TableShape {
  readonly oid: string;
  readonly name: TableName;
  readonly kind: "table" | "partitioned";
  /** The table itself and the partitioned tables above it, the outermost last. */
  readonly ancestors: readonly TableName[];
  /** In the order of the row on disk, dropped ones included. */
  readonly columns: readonly Column[];
  readonly uniqueKeys: readonly UniqueKey[];
  readonly foreignKeys: readonly ForeignKey[];
  readonly referrers: readonly Referrer[];
  /** User triggers that an INSERT may fire, those of partitions included; disabled ones are left out. */
  readonly insertTriggers: readonly UserTrigger[];
  /** The same for an UPDATE. */
  readonly updateTriggers: readonly UserTrigger[];
  readonly sequences: readonly OwnedSequence[];
  /** Rewrite rules on INSERT and UPDATE; disabled ones are left out. */
  readonly rules: readonly RewriteRule[];
  readonly rowSecurity: boolean;
}

export interface Column {
  readonly number: number;
  readonly name: string;
  readonly quoted: string;
  readonly type: string;
  /** The same, below all domains. */
  readonly baseType: string;
  readonly collation: string | null;
  readonly notNull: boolean;
  readonly identity: "" | "a" | "d";
  /** `s` stored, `v` virtual: neither can be written. */
  readonly generated: "" | "s" | "v";
  readonly dropped: boolean;
}

export interface UniqueKey {
  readonly name: string;
  readonly primary: boolean;
  readonly valid: boolean;
  /** False for deferrable constraints, which ON CONFLICT can't use. */
  readonly immediate: boolean;
  readonly nullsEqual: boolean;
  readonly method: string;
  /** An exclusion constraint: `equals` is then the operator under which two rows may not stand beside each other. */
  readonly excludes: boolean;
  readonly predicate: string | null;
  readonly parts: readonly KeyPart[];
  /** Names of all columns that its parts and its predicate read. */
  readonly uses: readonly string[];
}

export interface KeyPart {
  /** A column or an expression over unqualified columns. */
  readonly text: string;
  /** The column's name; null for an expression. */
  readonly column: string | null;
  readonly collation: string | null;
  /** The operator by which the index itself holds two values for the same; null where it has none. */
  readonly equals: string | null;
}

export interface ForeignKey {
  readonly name: string;
  readonly parent: TableName;
  readonly parentKind: "table" | "partitioned";
  readonly pairs: readonly {
    readonly child: string;
    readonly childQuoted: string;
    readonly parentQuoted: string;
    readonly collation: string | null;
    readonly equals: string;
  }[];
}

/** A foreign key of another table, or of the table itself, that names columns of this one. */
export interface Referrer {
  readonly name: string;
  readonly child: TableName;
  readonly childKind: "table" | "partitioned";
  /** Its rows follow when the key that they name is changed, or give it up; else the server refuses the change. */
  readonly follows: boolean;
  readonly pairs: ForeignKey["pairs"];
}

export interface UserTrigger {
  readonly table: TableName;
  readonly name: string;
  readonly when: "BEFORE" | "AFTER";
  readonly each: "row" | "statement";
  readonly calls: string;
  /** `O` ordinary sessions, `R` only with the replica role, `A` always. */
  readonly enabled: "O" | "R" | "A";
}

export interface RewriteRule {
  readonly name: string;
  readonly quoted: string;
  readonly event: "insert" | "update";
  readonly instead: boolean;
  /** As of a trigger. */
  readonly enabled: "O" | "R" | "A";
}

export interface OwnedSequence {
  readonly sequence: string;
  readonly column: string;
  readonly quoted: string;
  readonly increment: number;
  readonly cache: number;
}

/**
 * Reads catalogues only. Where an index has expressions or a predicate, the server locks the table for an instant (ACCESS SHARE) to
 * write them out. Fault `HF-TABLE-UNKNOWN` when there is no such table (any more).
 */
export function tableShape(connection: Connection, table: TableName): Promise<TableShape> {
  return readShape(connection, table, "all");
}

/** The same without the unique keys on expressions or a part of the table: locks nothing, so it waits for nobody. */
export function lockFreeShape(connection: Connection, table: TableName): Promise<TableShape> {
  return readShape(connection, table, "plain");
}

async function readShape(connection: Connection, table: TableName, keys: "all" | "plain"): Promise<TableShape> {
  const [found] = await connection.rows(`reading the catalogue of ${table}`, shapeSql, [table, keys]);
  if (!found?.["shape"]) {
    throw new Fault("HF-TABLE-UNKNOWN", `there is no table ${table}`, {
      exit: "refused",
      hint: `Was it renamed? Look with \\dt in psql. ${droppedHint}`,
    });
  }
  const shape = JSON.parse(found["shape"]) as TableShape;
  return { ...shape, ancestors: [...new Set([shape.name, ...shape.ancestors])] };
}

/** By which key two versions are the same row: the primary key, else a unique one that holds for every row. */
export function rowKey(shape: TableShape): UniqueKey | null {
  const columns = new Map(shape.columns.map((column) => [column.name, column]));
  const holds = (part: KeyPart) => part.equals !== null && part.column !== null && columns.get(part.column)?.notNull;
  const usable = (key: UniqueKey) =>
    key.method === "btree" && !key.excludes && key.valid && key.predicate === null && key.parts.every(holds);
  const keys = shape.uniqueKeys.filter(usable);
  return keys.find((key) => key.primary) ?? keys.find((key) => key.immediate) ?? keys[0] ?? null;
}

/** How a query reads the table: without the tables that inherit from it, which have keys of their own. */
export function fromTable(table: { readonly name: TableName; readonly kind: "table" | "partitioned" }): string {
  return table.kind === "partitioned" ? table.name : `only ${table.name}`;
}

const equalsSql = (operator: string) =>
  `(select format('operator(%I.%s)', on_.nspname, o.oprname) from pg_operator o
     join pg_namespace on_ on on_.oid = o.oprnamespace where o.oid = ${operator})`;

const collationSql = (collation: string) =>
  `(select format('%I.%I', cn.nspname, co.collname) from pg_collation co
     join pg_namespace cn on cn.oid = co.collnamespace where co.oid = ${collation})`;

const kindSql = (kind: string) => `case ${kind} when 'p' then 'partitioned' else 'table' end`;

/** Below all domains: a domain's CHECK is its owner's code, and storing a row is no reason to run it. */
const baseTypeSql = `(with recursive below (oid, mod) as (select a.atttypid, a.atttypmod
      union all select t.typbasetype, t.typtypmod from pg_type t join below on t.oid = below.oid where t.typtype = 'd')
    select format_type(below.oid, below.mod) from below join pg_type t on t.oid = below.oid where t.typtype <> 'd')`;

const columnsSql = `select json_agg(json_build_object(
    'number', a.attnum, 'name', a.attname, 'quoted', quote_ident(a.attname),
    'type', format_type(a.atttypid, a.atttypmod), 'baseType', ${baseTypeSql}, 'collation', ${collationSql("a.attcollation")},
    'notNull', a.attnotnull, 'identity', a.attidentity, 'generated', a.attgenerated, 'dropped', a.attisdropped)
    order by a.attnum)
  from pg_attribute a where a.attrelid = c.oid and a.attnum > 0`;

// A unique index of a constraint depends on nothing itself (its constraint does), so its own key columns count too.
const usesSql = `select json_agg(distinct ua.attname) from pg_attribute ua where ua.attrelid = c.oid and (
    ua.attnum = any (i.indkey::int2[]) or exists (select from pg_depend d where d.classid = 'pg_class'::regclass
      and d.objid = i.indexrelid and d.refclassid = 'pg_class'::regclass and d.refobjid = c.oid and d.refobjsubid = ua.attnum))`;

const partsSql = `select json_agg(json_build_object(
    'text', coalesce(quote_ident(pa.attname), pg_get_indexdef(i.indexrelid, k, false)), 'column', pa.attname, 'collation', ${collationSql("i.indcollation[k - 1]")},
    'equals', coalesce((select ${equalsSql("x.conexclop[k]")} from pg_constraint x
       where i.indisexclusion and x.conindid = i.indexrelid and x.conrelid = i.indrelid and x.contype in ('x', 'p', 'u')),
     (select ${equalsSql("ao.amopopr")} from pg_opclass oc join pg_amop ao on ao.amopfamily = oc.opcfamily
       where oc.oid = i.indclass[k - 1] and ao.amopmethod = oc.opcmethod and ao.amopstrategy = 3
         and ao.amoplefttype = oc.opcintype and ao.amoprighttype = oc.opcintype))) order by k)
  from generate_series(1, i.indnkeyatts) k
  left join pg_attribute pa on pa.attrelid = c.oid and pa.attnum = i.indkey[k - 1] and i.indkey[k - 1] <> 0`;

const uniqueSql = `select json_agg(json_build_object(
    'name', ic.relname, 'primary', i.indisprimary, 'valid', i.indisvalid, 'immediate', i.indimmediate,
    'nullsEqual', coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false), 'method', am.amname, 'excludes', i.indisexclusion, 'predicate', pg_get_expr(i.indpred, i.indrelid),
    'parts', (${partsSql}), 'uses', (${usesSql})) order by i.indisprimary desc, ic.relname)
  from pg_index i join pg_class ic on ic.oid = i.indexrelid join pg_am am on am.oid = ic.relam
  where i.indrelid = c.oid and (i.indisunique or i.indisexclusion) and i.indisready
    and ($2 = 'all' or (i.indexprs is null and i.indpred is null))`;

// A key to a partitioned table has a row per partition of the parent too: clones, which the first one stands for.
const foreignKeysSql = `select json_agg(json_build_object(
    'name', fk.conname, 'parent', format('%I.%I', fn.nspname, fc.relname), 'parentKind', ${kindSql("fc.relkind")},
    'pairs', (select json_agg(json_build_object('child', ca.attname, 'childQuoted', quote_ident(ca.attname),
        'parentQuoted', quote_ident(fa.attname), 'collation', ${collationSql("fa.attcollation")},
        'equals', ${equalsSql("fk.conpfeqop[k]")}) order by k)
      from generate_subscripts(fk.conkey, 1) k
      join pg_attribute ca on ca.attrelid = fk.conrelid and ca.attnum = fk.conkey[k]
      join pg_attribute fa on fa.attrelid = fk.confrelid and fa.attnum = fk.confkey[k])) order by fk.conname)
  from pg_constraint fk join pg_class fc on fc.oid = fk.confrelid join pg_namespace fn on fn.oid = fc.relnamespace
  where fk.conrelid = c.oid and fk.contype = 'f'
    and to_jsonb(fk) ->> 'conenforced' is distinct from 'false' and to_jsonb(fk) ->> 'conperiod' is distinct from 'true'
    and not exists (select from pg_constraint up where up.oid = fk.conparentid and up.conrelid = fk.conrelid)`;

// A key that names a partitioned table has a clone for each partition of it: the one that names this very table counts.
const referrersSql = `select json_agg(json_build_object(
    'name', fk.conname, 'child', format('%I.%I', kn.nspname, kc.relname), 'childKind', ${kindSql("kc.relkind")},
    'follows', fk.confupdtype not in ('a', 'r'),
    'pairs', (select json_agg(json_build_object('child', ca.attname, 'childQuoted', quote_ident(ca.attname),
        'parentQuoted', quote_ident(fa.attname), 'collation', ${collationSql("fa.attcollation")},
        'equals', ${equalsSql("fk.conpfeqop[k]")}) order by k)
      from generate_subscripts(fk.conkey, 1) k
      join pg_attribute ca on ca.attrelid = fk.conrelid and ca.attnum = fk.conkey[k]
      join pg_attribute fa on fa.attrelid = fk.confrelid and fa.attnum = fk.confkey[k])) order by fk.conname, kc.oid)
  from pg_constraint fk join pg_class kc on kc.oid = fk.conrelid join pg_namespace kn on kn.oid = kc.relnamespace
  where fk.confrelid = c.oid and fk.contype = 'f' and kc.relkind in ('r', 'p')
    and to_jsonb(fk) ->> 'conenforced' is distinct from 'false' and to_jsonb(fk) ->> 'conperiod' is distinct from 'true'`;

/** `bit`: of pg_trigger.tgtype, for the statement that fires it. */
const triggersSql = (bit: number) => `select json_agg(json_build_object(
    'table', format('%I.%I', tn.nspname, tc.relname), 'name', tg.tgname,
    'when', case when tg.tgtype & 2 <> 0 then 'BEFORE' else 'AFTER' end,
    'each', case when tg.tgtype & 1 <> 0 then 'row' else 'statement' end,
    'calls', format('%I.%I', pn.nspname, p.proname), 'enabled', tg.tgenabled) order by tc.oid <> c.oid, tg.tgname)
  from pg_trigger tg join pg_class tc on tc.oid = tg.tgrelid join pg_namespace tn on tn.oid = tc.relnamespace
  join pg_proc p on p.oid = tg.tgfoid join pg_namespace pn on pn.oid = p.pronamespace
  where not tg.tgisinternal and tg.tgtype & ${bit} <> 0 and tg.tgenabled <> 'D'
    and (tg.tgrelid = c.oid or (tg.tgparentid = 0 and tg.tgrelid in (select relid from pg_partition_tree(c.oid))))`;

/** Of the row of pg_class under `alias`: a JSON list, or null. */
export const rulesOf = (
  alias: string,
) => `(select json_agg(json_build_object('name', w.rulename, 'quoted', quote_ident(w.rulename),
    'event', case w.ev_type when '2' then 'update' else 'insert' end, 'instead', w.is_instead, 'enabled', w.ev_enabled) order by w.rulename)
  from pg_rewrite w where w.ev_class = ${alias}.oid and w.ev_type in ('2', '3') and w.ev_enabled <> 'D')`;

const sequencesSql = `select json_agg(json_build_object(
    'sequence', format('%I.%I', sn.nspname, sc.relname), 'column', sa.attname, 'quoted', quote_ident(sa.attname),
    'increment', sq.seqincrement, 'cache', sq.seqcache) order by sa.attnum)
  from pg_depend d join pg_class sc on sc.oid = d.objid and sc.relkind = 'S'
  join pg_namespace sn on sn.oid = sc.relnamespace join pg_sequence sq on sq.seqrelid = sc.oid
  join pg_attribute sa on sa.attrelid = c.oid and sa.attnum = d.refobjsubid
  where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass and d.refobjid = c.oid
    and d.refobjsubid > 0 and d.deptype in ('a', 'i')`;

const ancestorsSql = `select json_agg(format('%I.%I', an.nspname, ac.relname) order by up.nth) from pg_partition_ancestors(c.oid) with ordinality as up (relid, nth)
  join pg_class ac on ac.oid = up.relid join pg_namespace an on an.oid = ac.relnamespace`;

const shapeSql = `select json_build_object(
    'oid', c.oid::text, 'name', format('%I.%I', n.nspname, c.relname), 'kind', ${kindSql("c.relkind")},
    'ancestors', coalesce((${ancestorsSql}), '[]'), 'columns', coalesce((${columnsSql}), '[]'),
    'uniqueKeys', coalesce((${uniqueSql}), '[]'), 'foreignKeys', coalesce((${foreignKeysSql}), '[]'),
    'insertTriggers', coalesce((${triggersSql(4)}), '[]'), 'updateTriggers', coalesce((${triggersSql(16)}), '[]'),
    'sequences', coalesce((${sequencesSql}), '[]'),
    'rules', coalesce(${rulesOf("c")}, '[]'), 'referrers', coalesce((${referrersSql}), '[]'),
    'rowSecurity', c.relrowsecurity)::text as shape
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.oid = to_regclass($1) and c.relkind in ('r', 'p')`;
