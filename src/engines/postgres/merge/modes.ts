import { Fault } from "../../../core/errors.ts";
import type { TableName } from "../../inspect.ts";
import type { ClosedModes, TriggerFact, TriggerMode } from "../../merge.ts";
import { type ForeignKey, lockFreeShape, type RewriteRule, type TableShape, type UniqueKey } from "../catalogue.ts";
import type { Connection } from "../connection.ts";
import { parentsFirst } from "../rescue-area/comparison.ts";
import type { PostgresTarget } from "../target.ts";

export type Effect = "insert" | "update";

/** What of a table decides how it can be merged. */
export interface MergeShape extends Pick<TableShape, "name" | "ancestors" | "rules"> {
  readonly foreignKeys: readonly Pick<ForeignKey, "parent">[];
  readonly uniqueKeys: readonly Pick<UniqueKey, "name" | "immediate">[];
}

/** From the catalogue, and for `skip` by a try: a managed server may let a role set it that is no superuser. */
export async function closedModes(
  target: PostgresTarget,
  tables: readonly TableName[],
  effect: Effect = "insert",
): Promise<ClosedModes> {
  const asking = await target.catalogue();
  const shapes = await shapesOf(asking, tables);
  const barred = await writeWords(asking, tables, effect);
  const [firing, skipping] = [againstFiring(shapes, effect), await againstSkipping(target, shapes, effect)];
  const [fire, skip] = [firing, skipping].map((words) => [...barred, words].filter((one) => one !== "").join(" "));
  return { ...(fire ? { fire } : {}), ...(skip ? { skip } : {}) };
}

/** Empty: nothing stands against it. */
export function againstFiring(shapes: readonly MergeShape[], effect: Effect): string {
  const circle = effect === "insert" ? parentsFirst(shapes).circle : [];
  return [...ruleWords(shapes, effect, "fire"), ...circleWords(circle)].join(" ");
}

export async function againstSkipping(
  target: PostgresTarget,
  shapes: readonly MergeShape[],
  effect: Effect,
): Promise<string> {
  return [...ruleWords(shapes, effect, "skip"), ...deferrableWords(shapes), ...(await rightWords(target))].join(" ");
}

/** Rules that would run as well: listed beside the triggers, since they are code of the user's just so. */
export async function ruleFacts(
  connection: Connection,
  tables: readonly TableName[],
  effect: Effect = "insert",
): Promise<readonly TriggerFact[]> {
  const shapes = await shapesOf(connection, tables);
  return shapes.flatMap(({ name, rules }) =>
    rules
      .filter(({ event }) => event === effect)
      .map((rule) => ({ table: name, name: rule.name, words: `${kindOf(rule)}${exceptions[rule.enabled]}` })),
  );
}

/** Fault `HF-PG-REWRITE-RULES` where a rule would run in place of what the merge writes. */
export function assertNoRule(shape: TableShape, effect: Effect, mode: TriggerMode): void {
  const [words] = ruleWords([shape], effect, mode);
  if (words === undefined) return;
  throw new Fault("HF-PG-REWRITE-RULES", words, {
    exit: "refused",
    still: "Nothing was merged by this.",
    hint: mend(shape),
  });
}

async function shapesOf(connection: Connection, tables: readonly TableName[]): Promise<readonly TableShape[]> {
  const shapes: TableShape[] = [];
  for (const table of tables) shapes.push(await lockFreeShape(connection, table));
  return shapes;
}

const exceptions = {
  O: "",
  A: "; runs with skip too (ENABLE ALWAYS)",
  R: "; runs with skip only (ENABLE REPLICA)",
} as const;

function kindOf({ event, instead }: RewriteRule): string {
  return `rule ON ${event.toUpperCase()} DO ${instead ? "INSTEAD" : "ALSO"}`;
}

/** The replica role stops ordinary rules as it stops ordinary triggers. */
function ruleWords(shapes: readonly MergeShape[], effect: Effect, mode: TriggerMode): readonly string[] {
  const runs = (rule: RewriteRule) => rule.enabled === "A" || rule.enabled === (mode === "fire" ? "O" : "R");
  return shapes.flatMap(({ name, rules }) =>
    rules
      .filter((rule) => rule.instead && rule.event === effect && runs(rule))
      .map((rule) => `The ${kindOf(rule)} ${rule.name} on ${name} would run in place of our ${effect.toUpperCase()}.`),
  );
}

function mend({ name, rules }: TableShape): string {
  const [rule] = rules.filter(({ instead }) => instead);
  return `For the while: ALTER TABLE ${name} DISABLE RULE ${rule?.quoted ?? ""};`;
}

function circleWords(circle: readonly TableName[]): readonly string[] {
  return circle.length === 0
    ? []
    : [`Foreign keys lead in a circle (${circle.join(", ")}): whichever row goes in first has no parent yet.`];
}

/** What is deferrable is checked by a trigger of the server's own, and the replica role stops that as well: a key could be there twice. */
function deferrableWords(shapes: readonly MergeShape[]): readonly string[] {
  return shapes.flatMap(({ name, uniqueKeys }) =>
    uniqueKeys
      .filter(({ immediate }) => !immediate)
      .map(
        (key) =>
          `The constraint ${key.name} on ${name} is DEFERRABLE: with triggers skipped the server checks it no more.`,
      ),
  );
}

/** What is overwritten needs a right of its own. */
async function writeWords(
  connection: Connection,
  tables: readonly TableName[],
  effect: Effect,
): Promise<readonly string[]> {
  const verb = effect.toUpperCase();
  const rows = await connection.rows(
    "asking what this role may write",
    `select quote_ident(current_user) as role, n.name from unnest($1::text[]) with ordinality as n(name, nth)
       join pg_class c on c.oid = to_regclass(n.name) where not has_table_privilege(c.oid, $2) order by n.nth`,
    [[...tables], effect],
  );
  return rows.map(
    ({ role, name }) => `Role ${role} may not ${verb} ${name}; it may after GRANT ${verb} ON ${name} TO ${role};`,
  );
}

/** `GRANT SET ON PARAMETER` came with 15. */
async function rightWords(target: PostgresTarget): Promise<readonly string[]> {
  const connection = await target.open("reading");
  try {
    await connection.run("opening a transaction", "begin");
    await connection.run("trying to skip triggers", "set local session_replication_role = 'replica'");
    return [];
  } catch (error) {
    if (!(error instanceof Fault) || error.record.code !== "HF-PG-NOT-ALLOWED") throw error;
    return [await grantWords(await target.catalogue())];
  } finally {
    await connection.close();
  }
}

async function grantWords(connection: Connection): Promise<string> {
  const { role, grants } = await connection.row(
    "asking for the role",
    "select quote_ident(current_user) as role, (current_setting('server_version_num')::int >= 150000)::text as grants",
  );
  const may = `Role ${role} may not set session_replication_role;`;
  return grants === "true"
    ? `${may} it may after GRANT SET ON PARAMETER session_replication_role TO ${role};`
    : `${may} before PostgreSQL 15 only a superuser may.`;
}
