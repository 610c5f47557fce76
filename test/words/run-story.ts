import { applyEvent, openRun } from "../../src/core/apply-event.ts";
import type { RunEvent, Stamped } from "../../src/core/event.ts";
import type { Lease } from "../../src/core/lease.ts";
import type { RunState } from "../../src/core/run-state.ts";
import { aPlan, aStep, opened, stamp } from "../support/runs.ts";

export const lease: Lease = {
  id: "L1",
  kind: "row-pin",
  name: "holdfast_pin",
  where: "main",
  step: "freeze",
  words: "VACUUM removes nothing that died since 02:51Z.",
  byHand: "SELECT pg_drop_replication_slot('holdfast_pin')",
  keepable: true,
  facts: null,
};

const question = {
  id: "q1",
  step: "merge",
  asks: "Put 12 rows back",
  facts: [],
} as const;

const fault = {
  code: "HF-PG-CONN-LOST",
  message: "the server closed the connection",
  after: "unknown",
  exit: "unknown",
} as const;

/** One of every kind of event, in an order that could be. */
export const everyKind: readonly RunEvent[] = [
  opened(aPlan([aStep("freeze", { effect: "hold" }), aStep("merge", { effect: "write", choose: "one" })])),
  { kind: "target.identified", role: "main", identity: { facts: [], words: "db-1:5432, primary", database: "shop" } },
  { kind: "guard.judged", step: "freeze", guard: "stop-file", verdict: "deny", reason: "it is there", hint: "lift it" },
  {
    kind: "step.checked",
    step: "freeze",
    findings: [
      { level: "ok", text: "fine" },
      { level: "warn", text: "slow disk" },
    ],
  },
  {
    kind: "step.previewed",
    step: "freeze",
    preview: { summary: "pin rows", lines: [], counts: { tables: 3 }, takesMs: 1000 },
  },
  { kind: "step.intended", step: "freeze", attempt: 1, params: {}, recovery: "probe" },
  { kind: "lease.intended", lease },
  { kind: "lease.taken", lease: "L1", facts: null },
  { kind: "lease.changed", lease: "L1", words: "narrowed", facts: null },
  { kind: "output.printed", step: "freeze", text: "LOG:  \x1b[2Jcleared?" },
  { kind: "step.ended", step: "freeze", attempt: 1, outcome: "done", result: { tables: 3 }, took: 61_000 },
  { kind: "step.verified", step: "freeze", findings: [{ level: "ok", text: "the pin holds" }] },
  {
    kind: "question.asked",
    question: {
      ...question,
      kind: "confirm",
      way: { kind: "type", phrase: "shop" },
      covers: ["merge"],
      previews: [],
      lapsesAt: 1,
    },
  },
  { kind: "question.answered", question: "q1", step: "merge", answered: { kind: "confirmed" }, by: "ops" },
  { kind: "step.intended", step: "merge", attempt: 2, params: {}, recovery: "cursor" },
  { kind: "step.progressed", step: "merge", progress: { done: 4, total: 12, unit: "rows" } },
  { kind: "step.ended", step: "merge", attempt: 2, outcome: "unknown", fault, took: 500 },
  { kind: "run.paused", reason: "left" },
  {
    kind: "run.resumed",
    person: { operator: "mia", host: "desk" },
    version: "0.1.0",
    wishes: { choices: {}, keepRescue: false },
  },
  {
    kind: "step.settled",
    step: "merge",
    attempt: 2,
    finding: "partial",
    evidence: ["marker at row 4"],
    decision: "go-on",
  },
  { kind: "values.revealed", what: "sample", rows: 3, by: "mia" },
  { kind: "note.added", text: "called the owner", by: "mia" },
  { kind: "lease.kept", lease: "L1", until: 1_700_086_400_000 },
  { kind: "lease.released", lease: "L1", how: "was-absent" },
  { kind: "step.expanded", step: "look", items: [] },
  { kind: "run.closed", outcome: "done", reason: "" },
];

/** Each event with the state after it. */
export function told(events: readonly RunEvent[] = everyKind): readonly { stamped: Stamped; state: RunState }[] {
  let state: RunState | null = null;
  return stamp(events).map((stamped) => {
    state = state === null ? openRun(stamped) : applyEvent(state, stamped);
    return { stamped, state };
  });
}

/** The state after the first event of a kind. */
export function after(kind: RunEvent["kind"]): RunState {
  const found = told().find(({ stamped }) => stamped.event.kind === kind);
  if (!found) throw new Error(`the story has no ${kind}`);
  return found.state;
}
