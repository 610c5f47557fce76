import type { Environment, Purpose } from "../core/effect.ts";
import type { RunEvent } from "../core/event.ts";
import type { RunId } from "../core/ids.ts";
import type { Connection } from "./database.ts";

/** What a list shows of a run, copied out of the event that opened it, so that listing thousands of runs reads no plan. */
export interface RunRow {
  readonly n: number;
  readonly run: RunId;
  readonly opened_at: number;
  readonly runbook: string;
  readonly title: string;
  readonly target: string;
  readonly database: string;
  readonly environment: Environment;
  readonly purpose: Purpose;
  readonly operator: string;
}

type Opened = Extract<RunEvent, { kind: "run.opened" }>;

export function runRow(n: number, at: number, { run, plan, purpose, person }: Opened): RunRow {
  const target = plan.targets["main"] ?? Object.values(plan.targets)[0];
  return {
    n,
    run,
    opened_at: at,
    runbook: plan.runbook.id,
    title: plan.runbook.title,
    target: target?.name ?? "",
    database: target?.database ?? "",
    environment: target?.environment ?? "production",
    purpose,
    operator: person.operator,
  };
}

export function addRun(db: Connection, row: RunRow): void {
  db.prepare(
    `INSERT INTO run (n, run, opened_at, runbook, title, target, database, environment, purpose, operator)
     VALUES (@n, @run, @opened_at, @runbook, @title, @target, @database, @environment, @purpose, @operator)`,
  ).run(row);
}

export function nextRunRow(db: Connection): number {
  return db.prepare<[], number>("SELECT coalesce(max(n), 0) + 1 FROM run").pluck().get() ?? 1;
}

export function findRunRow(db: Connection, run: RunId): RunRow | null {
  return db.prepare<[string], RunRow>("SELECT * FROM run WHERE run = ?").get(run) ?? null;
}

/** In the order in which they were opened. */
export function allRunRows(db: Connection): readonly RunRow[] {
  return db.prepare<[], RunRow>("SELECT * FROM run ORDER BY n").all();
}
