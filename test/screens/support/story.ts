import { foldRun } from "../../../src/core/apply-event.ts";
import type { Json } from "../../../src/core/json.ts";
import type { Environment, Purpose } from "../../../src/core/effect.ts";
import type { RunEvent, Stamped } from "../../../src/core/event.ts";
import { type Plan, type PlannedStep, sealPlan } from "../../../src/core/plan.ts";
import type { ChoiceQuestion, ConfirmQuestion, FailureQuestion } from "../../../src/core/question.ts";
import type { RunState } from "../../../src/core/run-state.ts";
import type { Preview } from "../../../src/core/step.ts";

export const began = Date.UTC(2026, 10, 21, 3, 8, 20);
export const runId = "019aa3f0-1111-7abc-8def-0000000b9c73";
export const person = { operator: "ops_k", host: "bastion-2" };

function step(
  key: string,
  title: string,
  effect: PlannedStep["effect"],
  why: string,
  more: Partial<PlannedStep> = {},
): PlannedStep {
  const recovery = effect === "write" ? "cursor" : "idempotent";
  return {
    key,
    title,
    why,
    action: `${key}-rows`,
    effect,
    recovery,
    on: { main: "main" },
    with: {},
    tolerance: 0,
    ...more,
  };
}

export const steps: readonly PlannedStep[] = [
  step(
    "freeze",
    "Freeze the evidence",
    "hold",
    "Deleted rows are still on disk, but vacuum and even plain reads remove them. This stops that, before anything looks.",
  ),
  step("statement", "Find the statement", "read", "Which statement took the rows, from raw pages.", { choose: "one" }),
  step("path", "Survey the ways back", "read", "Each way back with its time and loss.", { choose: "one" }),
  step("rescue", "Rescue the rows", "hold", "The rows are brought into a schema of their own beside the tables."),
  step("check", "Check what was rescued", "read", "Counts, duplicates and foreign keys, before anything is written."),
  step("copy", "Take the safety copy", "hold", "The way back out of the merge."),
  step(
    "merge",
    "Merge the missing rows",
    "write",
    "Customers miss their orders; the database stays up; after every batch it is safe to stop.",
  ),
  step("verify", "Verify the merge", "read", "Proved by an exact comparison, not by counting."),
  step("release", "Give back what was held", "hold", "Vacuum must run again, or the tables bloat."),
];

export function planFor(environment: Environment = "production"): Plan {
  return sealPlan({
    format: 1,
    runbook: {
      id: "restore-after-bad-delete",
      title: "Bring back rows lost to a bad DELETE or UPDATE",
      text: "",
      digest: "d",
    },
    inputs: { table: "public.orders" },
    targets: { main: { name: "shop", engine: "postgres", environment, database: "shop_orders" } },
    steps,
  });
}

export interface Story {
  /** Adds events, each a second after the one before it. */
  tell(...events: readonly RunEvent[]): Story;
  readonly events: readonly Stamped[];
  readonly state: RunState;
  readonly now: number;
}

/** A run told by its events, folded by the real reducer. */
export function story(environment: Environment = "production", purpose: Purpose = "live"): Story {
  const events: Stamped[] = [];
  const self: Story = {
    tell(...more) {
      for (const event of more) events.push({ seq: events.length + 1, at: began + events.length * 1000, event });
      return self;
    },
    events,
    get state() {
      return foldRun(events);
    },
    get now() {
      return began + events.length * 1000;
    },
  };
  return self.tell(
    {
      kind: "run.opened",
      run: runId,
      plan: planFor(environment),
      purpose,
      person,
      version: "0.1.0",
      wishes: { choices: {}, keepRescue: false },
    },
    {
      kind: "target.identified",
      role: "main",
      identity: { facts: [], words: "db-prod-1:5432, PostgreSQL 18.4, primary", database: "shop_orders" },
    },
  );
}

export function lease(id: string, words: string, stepKey = "freeze"): RunEvent {
  const held = { id, kind: "row-pin", name: `holdfast_${id}`, where: "main", step: stepKey, words };
  return {
    kind: "lease.intended",
    lease: {
      ...held,
      byHand: `SELECT pg_drop_replication_slot('holdfast_${id}')`,
      keepable: false,
      facts: null,
      protects: "vacuum",
      costs: "disk",
    },
  };
}

export function done(key: string, took: number, result: Json = null): RunEvent[] {
  return [
    { kind: "step.intended", step: key, attempt: 1, params: {}, recovery: "idempotent" },
    { kind: "step.ended", step: key, attempt: 1, outcome: "done", result, took },
  ];
}

export const mergePreview: Preview = {
  summary: "INSERT 981,204 rows in 197 transactions; no UPDATE, no DELETE",
  lines: [
    "public.orders: 981,204 rows are missing, 37 keys were used again since and stay as they are",
    "public.order_lines: 2,943,612 rows are missing",
    "after it public.orders has 2,104,551 rows",
  ],
  counts: { orders: 981204, orderLines: 2943612 },
  statements: ["INSERT INTO public.orders SELECT ... FROM holdfast_rescue.orders"],
  takesMs: 60_000,
  undo: "DELETE by the rescue list, for 24 h, about 1 min",
};

export const guards: RunEvent[] = [
  { kind: "guard.judged", step: "merge", guard: "stop-file", verdict: "allow", reason: "there is none" },
  { kind: "guard.judged", step: "merge", guard: "free-disk", verdict: "allow", reason: "188 GB free" },
  {
    kind: "guard.judged",
    step: "merge",
    guard: "ticket",
    verdict: "skipped",
    reason: "no ticket system is configured",
  },
];

export const statementQuestion: ChoiceQuestion = {
  kind: "choice",
  id: "Q7",
  step: "statement",
  asks: "Which statement took the rows?",
  facts: [],
  byHand: "transaction ids joined by +, or two instants with .. between them",
  choices: [
    {
      value: "88120431",
      label: "02:51:17.204Z  981,241 rows",
      details: ["transaction 88120431, application admin-shell, user ops_j"],
      tags: ["largest"],
      data: null,
    },
    { value: "88120455", label: "02:58:01.010Z  12 rows", details: ["transaction 88120455"], tags: [], data: null },
    {
      value: "open:4211",
      label: "still open  3 rows",
      details: ["pid 4211"],
      disabled: "its transaction has not ended",
      tags: [],
      data: null,
    },
  ],
};

export function confirmQuestion(over: Partial<ConfirmQuestion> = {}): ConfirmQuestion {
  return {
    kind: "confirm",
    id: "Q20",
    step: "merge",
    asks: "Merge the missing rows",
    facts: [
      { label: "host", text: "db-prod-1:5432, PostgreSQL 18.4, primary" },
      { label: "database", text: "shop_orders" },
      { label: "undo", text: "DELETE by the rescue list, for 24 h, about 1 min" },
    ],
    way: { kind: "type", phrase: "shop_orders" },
    covers: ["merge"],
    previews: [{ step: "merge", preview: mergePreview }],
    lapsesAt: began + 600_000,
    ...over,
  };
}

export const failureQuestion: FailureQuestion = {
  kind: "failure",
  id: "Q30",
  step: "merge",
  asks: "Merge the missing rows: the server closed the connection",
  facts: [
    { label: "code", text: "HF-PG-CONN-LOST" },
    { label: "cause", text: "57P01 terminating connection due to administrator command" },
  ],
  known: ["118 batches, 590,000 rows are committed (marker rows agree)"],
  unknown: ["whether batch 119, 5,000 rows, was committed. Not failed: not known."],
  options: [
    { act: "find-out", label: "find out: ask the target, reads only", recommended: true },
    { act: "retry", label: "retry this step", disabled: "not yet: batch 119 has to be settled first" },
    { act: "skip", label: "skip this step", disabled: "no: later steps need its result" },
    { act: "undo", label: "undo", disabled: "no: nothing can be undone from here" },
    { act: "leave", label: "leave: the run stays open, and so does what it holds" },
    { act: "abandon", label: "give the run up: gives back what it holds; what was written stays" },
  ],
};

/** Up to the question before the merge. */
export function untilMerge(environment: Environment = "production"): Story {
  return story(environment).tell(
    lease("L1", "rows and WAL pinned, vacuum off for 3 tables"),
    { kind: "lease.taken", lease: "L1", facts: null },
    ...done("freeze", 1200),
    ...done("statement", 4000),
    { kind: "question.asked", question: statementQuestion },
    {
      kind: "question.answered",
      question: "Q7",
      step: "statement",
      by: "ops_k",
      answered: { kind: "chosen", value: "88120431", label: "981,241 rows at 02:51:17Z", data: null },
    },
    ...done("path", 800),
    { kind: "question.asked", question: { ...statementQuestion, id: "Q12", step: "path", asks: "Which way back?" } },
    {
      kind: "question.answered",
      question: "Q12",
      step: "path",
      by: "ops_k",
      answered: { kind: "chosen", value: "page-transplant", label: "page transplant", data: null },
    },
    lease("L2", "rescue area: 981,241 rows, 412 MB", "rescue"),
    { kind: "lease.taken", lease: "L2", facts: null },
    ...done("rescue", 52_000, { rows: 981241 }),
    ...done("check", 21_000),
    ...done("copy", 3000),
    ...guards,
    { kind: "step.checked", step: "merge", findings: [] },
    { kind: "step.previewed", step: "merge", preview: mergePreview },
  );
}

export function merging(environment: Environment = "production"): Story {
  return untilMerge(environment).tell(
    { kind: "step.intended", step: "merge", attempt: 1, params: {}, recovery: "cursor" },
    ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((n): RunEvent => ({
      kind: "step.progressed",
      step: "merge",
      progress: { done: n * 59_000, total: 981_204, unit: "rows", note: `batch ${n * 12} of 197` },
    })),
    { kind: "output.printed", step: "merge", text: "batch 117 committed 5,000 rows in 0.8 s" },
    { kind: "output.printed", step: "merge", text: "batch 118 committed 5,000 rows in 0.75 s" },
  );
}

export function failing(): Story {
  const fault = {
    code: "HF-PG-CONN-LOST",
    message: "the server closed the connection",
    after: "unknown",
    exit: "unknown",
  } as const;
  return merging().tell(
    { kind: "step.ended", step: "merge", attempt: 1, outcome: "unknown", fault, took: 91_000 },
    { kind: "question.asked", question: failureQuestion },
  );
}

export function finished(): Story {
  return untilMerge().tell(
    ...done("merge", 91_000, { rows: 981204 }),
    { kind: "step.intended", step: "verify", attempt: 1, params: {}, recovery: "idempotent" },
    {
      kind: "step.verified",
      step: "verify",
      findings: [{ level: "ok", text: "every rescued row is in its table, equal to the digit" }],
    },
    {
      kind: "step.ended",
      step: "verify",
      attempt: 1,
      outcome: "done",
      took: 9000,
      result: {
        tables: [
          { table: "public.orders", before: 1123347, after: 2104551, expected: 2104551 },
          { table: "public.order_lines", before: 8400112, after: 11343724, expected: 11343724 },
        ],
      },
    },
    { kind: "lease.released", lease: "L1", how: "released" },
    { kind: "lease.kept", lease: "L2", until: began + 86_400_000 },
    ...done("release", 1000),
    { kind: "run.closed", outcome: "done", reason: "" },
  );
}
