import { applyEvent } from "../../../src/core/apply-event.ts";
import { Fault } from "../../../src/core/errors.ts";
import type { RunEvent, Stamped } from "../../../src/core/event.ts";
import type { Answer } from "../../../src/core/question.ts";
import type { ReadyPath, ReadyTarget } from "../../../src/core/readiness.ts";
import type { RunState } from "../../../src/core/run-state.ts";
import type { RunSummary } from "../../../src/journal/journal.ts";
import type { RunEnd, Session } from "../../../src/runner/session.ts";
import type { RunbookSummary, TargetSummary, Workbench } from "../../../src/runner/workbench.ts";
import { began, person, planFor, runId, type Story } from "./story.ts";

export const targets: readonly TargetSummary[] = [
  { name: "shop", engine: "postgres", environment: "production", database: "shop_orders", tier: "critical" },
  { name: "shop-staging", engine: "postgres", environment: "staging", database: "shop_orders_st" },
  { name: "play", engine: "postgres", environment: "sandbox", database: "play" },
];

export const runbooks: readonly RunbookSummary[] = [
  {
    id: "restore-after-bad-delete",
    title: "Bring back rows lost to a bad DELETE or UPDATE",
    about: "brings rows back after DELETE or UPDATE without WHERE; the database stays up",
    effects: { read: 4, hold: 4, write: 1, destroy: 0 },
    inputs: [
      { name: "table", type: "table", prompt: "Which table lost rows?", optional: false },
      { name: "since", type: "instant", prompt: "Since about when?", optional: true },
    ],
  },
  {
    id: "purge-deleted-rows",
    title: "Purge rows past their retention",
    about: "deletes what a policy says",
    effects: { read: 2, hold: 1, write: 0, destroy: 1 },
    inputs: [],
    disabled: "needs a retention policy file (policies/ is empty)",
  },
];

export function summaryOf(over: Partial<RunSummary> = {}): RunSummary {
  return {
    run: runId,
    short: "Q73K",
    runbook: "restore-after-bad-delete",
    title: "Bring back rows lost to a bad DELETE or UPDATE",
    target: "shop",
    database: "shop_orders",
    environment: "production",
    purpose: "live",
    operator: "ops_k",
    openedAt: began,
    lastAt: began + 363_000,
    status: "open",
    driven: false,
    at: { step: "merge", number: 7, of: 9, unknown: true },
    ...over,
  };
}

/** One table with two ways back, of which one is closed. */
export function readyTarget(over: Partial<ReadyTarget> = {}): ReadyTarget {
  const table = { table: "public.orders", rows: 1_123_000, bytes: 412e6, with: ["public.order_lines"], unknown: null };
  const paths: readonly ReadyPath[] = [
    {
      path: "page-transplant",
      label: "Dead rows off their pages (page transplant)",
      open: true,
      why: "Deleted rows stay on their pages for a while.",
      holds: "nothing prunes the rows: vacuum and plain reads remove them until the hold stands",
      takesMs: 61_000,
      loses: "what is cleaned up before the hold.",
      opensWith: null,
      changes: [],
    },
    {
      path: "clone",
      label: "Point-in-time clone from the base backup",
      open: false,
      why: "The config names no base backup for this target.",
      holds: null,
      takesMs: null,
      loses: "",
      opensWith: "backup: { base, archive } of the target in holdfast.yaml.",
      changes: [{ kind: "config", text: "backup: { base: FOLDER, archive: FOLDER }", restart: false, fromNowOn: true }],
    },
  ];
  const change = {
    kind: "sql",
    text: "ALTER SYSTEM SET track_commit_timestamp = on;",
    restart: true,
    fromNowOn: true,
  } as const;
  const words = "nobody can tell when a statement committed: only its order is known.";
  const found = {
    server: "db-prod-1:5432, PostgreSQL 18.4, primary",
    database: "shop_orders",
    role: "postgres",
    settings: [{ name: "track_commit_timestamp", value: "off", level: "warn", words, change } as const],
    tables: [{ ...table, open: true, paths }],
  };
  const said = { target: "shop", engine: "postgres", environment: "production", at: "2026-03-14T03:12:09Z" } as const;
  return { ...said, ready: true, found, fault: null, ...over };
}

export interface FakeSession extends Session {
  readonly calls: string[];
  readonly answers: Answer[];
  append(...events: readonly RunEvent[]): void;
  finish(end: Omit<RunEnd, "state">): void;
}

/** A session whose events the test tells; it records what a person did. */
export function fakeSession(told: Story): FakeSession {
  const listeners = new Set<() => void>();
  const ended = Promise.withResolvers<RunEnd>();
  const calls: string[] = [];
  const answers: Answer[] = [];
  let state: RunState = told.state;
  return {
    run: state.run,
    calls,
    answers,
    get state() {
      return state;
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    events: () => () => undefined,
    answer(question, answer) {
      calls.push(`answer ${question} ${answer.kind}`);
      answers.push(answer);
    },
    pause: (reason) => void calls.push(`pause ${reason}`),
    cancel: () => void calls.push("cancel"),
    note: (text) => void calls.push(`note ${text}`),
    abandon: (reason) => void calls.push(`abandon ${reason}`),
    canReveal: () => false,
    reveal: async () => [],
    ended: ended.promise,
    append(...events) {
      for (const event of events) {
        state = applyEvent(state, { seq: state.seq + 1, at: state.lastAt + 1000, event });
        for (const listener of listeners) listener();
      }
    },
    finish: (end) => ended.resolve({ ...end, state }),
  };
}

export interface FakeBench extends Workbench {
  readonly opened: FakeSession[];
}

/** What a workbench answers, without a server or a journal behind it. */
export function fakeWorkbench(
  told: () => Story,
  runs: readonly RunSummary[] = [summaryOf()],
  timeline: readonly Stamped[] = told().events,
): FakeBench {
  const opened: FakeSession[] = [];
  const open = () => {
    const session = fakeSession(told());
    opened.push(session);
    return session;
  };
  return {
    person,
    journalFile: "/home/ops_k/.local/state/holdfast/journal.db",
    opened,
    runs: () => runs,
    findRuns: () => [],
    targets: () => targets,
    runbooks: () => runbooks,
    suggest: (_target, field, text) =>
      Promise.resolve(
        field.type === "table"
          ? ["public.orders", "public.order_lines", "public.customers"]
              .filter((name) => name.includes(text))
              .map((value) => ({ value, detail: "about 1,123,000 rows" }))
          : [],
      ),
    judge: (_target, field, text) =>
      Promise.resolve(
        field.type === "table" && !text.includes(".")
          ? { ok: false, words: "no table has this name; write schema.table" }
          : { ok: true, words: "about 1,123,000 rows (statistics: nothing reads it yet)" },
      ),
    doctor: (target) => Promise.resolve(readyTarget({ target })),
    plan: (request) =>
      request.inputs.table === "public.none"
        ? Promise.reject(
            new Fault("HF-TABLE-UNKNOWN", "there is no table public.none", { hint: "Did you mean public.notes?" }),
          )
        : Promise.resolve(planFor(targets.find((target) => target.name === request.target)?.environment)),
    open,
    resume: open,
    timeline: () => timeline,
    note: () => undefined,
    writeOff: () => [],
    verify: () => ({ intact: true, runs: 1, events: 1, firstBad: null, head: "abc" }),
    close: () => Promise.resolve(),
  };
}
