import type { MergeTable } from "../../merge.ts";
import { tableShape } from "../catalogue.ts";
import type { Connection } from "../connection.ts";
import { areaTables, assertNotEmptied, findArea, plannedArea } from "../rescue-area/area.ts";
import { type Comparison, comparison, isKeyed, parentsFirst } from "../rescue-area/comparison.ts";
import { assertNoRule } from "./modes.ts";
import type { Scope } from "./statements.ts";

/** What the catalogue and the rescue area say now; read for each batch, since the system is up and the table may be changed. */
export async function mergeScope(connection: Connection, request: MergeTable): Promise<Scope> {
  const areas = await areaTables(connection, request.run);
  const area = findArea(areas, request.table, request.run);
  await assertNotEmptied(connection, area);
  const one = comparison(area);
  assertNoRule(area.shape, "insert", request.triggers);
  const all = areas.map((each) => (each === area ? one : comparison(each)));
  return scopeOf(one, all, request);
}

/** Before there is an area, for a preview. */
export async function plannedScope(connection: Connection, request: MergeTable): Promise<Scope> {
  const areas = await areaTables(connection, request.run);
  if (areas.some((area) => area.table === request.table)) return mergeScope(connection, request);
  const one = comparison(plannedArea(request.run, await tableShape(connection, request.table)));
  return scopeOf(one, [one], request);
}

/** Without a key the contents of all rows are weighed at once. Triggers of the user see rows in the order of their keys, as after the first INSERTs; foreign keys of the table into itself need that too, and so do keys that are set back: one makes room for the next. */
export async function isDivisible(connection: Connection, request: MergeTable): Promise<boolean> {
  if (request.decided?.includes("key-changed")) return false;
  if (request.values) return request.triggers === "skip" || !(await firesOnUpdate(connection, request.table));
  const { one, selfKeys, circleKeys } = await mergeScope(connection, request);
  const fires = request.triggers === "fire" && one.area.shape.insertTriggers.some(({ enabled }) => enabled !== "R");
  return isKeyed(one) && !fires && selfKeys.length === 0 && circleKeys.length === 0;
}

/** In one batch, however many rows it has. */
export function isWhole({ one, selfKeys }: Scope): boolean {
  return selfKeys.length > 0 || !isKeyed(one);
}

async function firesOnUpdate(connection: Connection, table: string): Promise<boolean> {
  return (await tableShape(connection, table)).updateTriggers.some(({ enabled }) => enabled !== "R");
}

function scopeOf(one: Comparison, all: readonly Comparison[], request: MergeTable): Scope {
  const { shape } = one.area;
  const selfKeys = one.foreignKeys.filter((key) => shape.ancestors.includes(key.parent));
  const { circle } = parentsFirst(all.map((each) => each.area.shape));
  const inCircle = all.filter((each) => circle.includes(each.area.table) && circle.includes(request.table));
  const circleKeys = one.foreignKeys.filter(
    (key) => !selfKeys.includes(key) && inCircle.some((each) => each.area.shape.ancestors.includes(key.parent)),
  );
  const { triggers, decided = [] } = request;
  return { one, all, selfKeys, circleKeys: triggers === "skip" ? circleKeys : [], decided };
}
