import type { RunEvent, Stamped } from "./event.ts";
import type { LeaseId, StepKey } from "./ids.ts";
import { type PlannedStep, stepForItem } from "./plan.ts";
import { atRest, type LeaseState, outputKept, type RunState, type StepState } from "./run-state.ts";

/** The whole of a run's state, made of nothing but its events. */
export function foldRun(events: Iterable<Stamped>): RunState {
  let state: RunState | null = null;
  for (const stamped of events) state = state === null ? openRun(stamped) : applyEvent(state, stamped);
  if (state === null) throw new Error("a run has at least the event that opened it");
  return state;
}

export function openRun({ event, at, seq }: Stamped): RunState {
  if (event.kind !== "run.opened") throw new Error(`a run begins with run.opened, not with ${event.kind}`);
  return {
    run: event.run,
    plan: event.plan,
    purpose: event.purpose,
    openedBy: event.person,
    person: event.person,
    version: event.version,
    wishes: event.wishes,
    openedAt: at,
    lastAt: at,
    seq,
    status: "open",
    reason: "",
    resumes: 0,
    identities: {},
    guards: [],
    steps: event.plan.steps.map(todo),
    question: null,
    leases: [],
    notes: [],
    output: [],
  };
}

function todo(step: PlannedStep): StepState {
  return { step, status: "todo", attempt: 0, took: 0, findings: [], verified: [] };
}

/** Pure: the same state and event give the same state, in the live view, on resume and in a replay. */
export function applyEvent(before: RunState, { event, at, seq }: Stamped): RunState {
  const state: RunState = { ...before, lastAt: at, seq };
  switch (event.kind) {
    case "run.opened":
      throw new Error("a run is opened once");
    case "run.resumed":
      return resumed(state, event, before.lastAt);
    case "run.paused":
      return { ...state, steps: state.steps.map(atRest), status: "paused", reason: event.reason, question: null };
    case "run.closed":
      return { ...state, steps: state.steps.map(atRest), status: event.outcome, reason: event.reason, question: null };
    case "target.identified":
      return { ...state, identities: { ...state.identities, [event.role]: event.identity } };
    case "guard.judged":
      return { ...state, guards: judged(state, event) };
    case "question.asked":
      return withStep({ ...state, question: event.question }, event.question.step, (step) => asked(step, event));
    case "question.answered":
      return withStep({ ...state, question: null }, event.step, (step) => answered(step, event));
    case "step.expanded":
      return { ...state, steps: state.steps.flatMap((step) => expanded(step, event)) };
    case "step.checked":
      return withStep(state, event.step, (step) => ({ ...step, status: "checking", findings: event.findings }));
    case "step.previewed":
      return withStep(state, event.step, (step) => ({ ...step, preview: event.preview }));
    case "step.intended":
      return withStep(state, event.step, (step) => intended(step, event, at));
    case "step.verified":
      return withStep(state, event.step, (step) => ({ ...step, verified: event.findings }));
    case "step.ended":
      return withStep(state, event.step, (step) => ended(step, event));
    case "step.settled":
      return withStep(state, event.step, (step) => settled(step, event));
    case "lease.intended":
    case "lease.taken":
    case "lease.changed":
    case "lease.kept":
    case "lease.released":
      return applyToLeases(state, event, at);
    case "values.revealed":
      return state;
    case "note.added":
      return { ...state, notes: [...state.notes, { at, by: event.by, text: event.text }] };
    case "step.progressed":
      return withStep(state, event.step, (step) => progressed(step, event, at));
    case "output.printed":
      return { ...state, output: [...state.output, { at, step: event.step, text: event.text }].slice(-outputKept) };
  }
}

type Of<K extends RunEvent["kind"]> = Extract<RunEvent, { kind: K }>;
type LeaseEvent = Of<"lease.intended" | "lease.taken" | "lease.changed" | "lease.kept" | "lease.released">;

function applyToLeases(state: RunState, event: LeaseEvent, at: number): RunState {
  switch (event.kind) {
    case "lease.intended":
      return {
        ...state,
        leases: [...state.leases, { lease: event.lease, status: "intended", facts: null, since: at }],
      };
    case "lease.taken":
      return withLease(state, event.lease, (lease) => ({ ...lease, status: "taken", facts: event.facts, since: at }));
    case "lease.changed":
      return withLease(state, event.lease, (lease) => ({
        ...lease,
        lease: { ...lease.lease, words: event.words },
        facts: event.facts,
      }));
    case "lease.kept":
      return withLease(state, event.lease, (lease) => ({ ...lease, status: "kept", keptUntil: event.until }));
    case "lease.released":
      return withLease(state, event.lease, (lease) => ({ ...lease, status: "released" }));
  }
}

/** Whatever was in the air when the last process ended is unknown until it is settled; an unanswered question is asked anew. */
function resumed(state: RunState, event: Of<"run.resumed">, diedAt: number): RunState {
  const wishes = {
    choices: { ...state.wishes.choices, ...event.wishes.choices },
    keepRescue: state.wishes.keepRescue || event.wishes.keepRescue,
  };
  const steps = state.steps.map((step) =>
    step.status === "running" ? { ...atRest(step), killedAt: diedAt } : atRest(step),
  );
  const { person, version } = event;
  return {
    ...state,
    person,
    version,
    wishes,
    steps,
    status: "open",
    reason: "",
    resumes: state.resumes + 1,
    question: null,
  };
}

/** From here on nothing else has to know of templates. A list of none is what a template without items gives. */
function expanded(state: StepState, { step, items }: Of<"step.expanded">): readonly StepState[] {
  if (state.step.key !== step) return [state];
  if (items.length === 0) return [{ ...state, status: "skipped", result: [] }];
  return items.map((item) => todo(stepForItem(state.step, item)));
}

function judged(state: RunState, event: Of<"guard.judged">): RunState["guards"] {
  const { kind: _kind, ...verdict } = event;
  const others = state.guards.filter((guard) => guard.guard !== event.guard || guard.step !== event.step);
  return [...others, verdict];
}

function asked(step: StepState, event: Of<"question.asked">): StepState {
  return event.question.kind === "confirm" ? { ...step, status: "waiting" } : step;
}

function answered(step: StepState, { answered: answer, by }: Of<"question.answered">): StepState {
  if (answer.kind === "chosen") {
    return { ...step, choice: { value: answer.value, label: answer.label, data: answer.data, by } };
  }
  if (answer.kind === "acted") return { ...step };
  return step.status === "waiting" ? { ...step, status: "checking" } : step;
}

function intended(step: StepState, event: Of<"step.intended">, at: number): StepState {
  const { fault: _fault, progress: _progress, settled: _settled, killedAt: _killedAt, ...rest } = step;
  return { ...rest, status: "running", attempt: event.attempt, startedAt: at };
}

function ended(step: StepState, event: Of<"step.ended">): StepState {
  const { fault: _fault, result: _result, ...rest } = step;
  return {
    ...rest,
    status: event.outcome,
    attempt: event.attempt,
    took: step.took + event.took,
    ...(event.result === undefined ? {} : { result: event.result }),
    ...(event.fault === undefined ? {} : { fault: event.fault }),
    ...writtenBy(event),
  };
}

function writtenBy({ written, attempt }: Of<"step.ended" | "step.settled">): Pick<StepState, "written"> {
  return written === undefined ? {} : { written: { ...written, attempt } };
}

function settled(before: StepState, event: Of<"step.settled">): StepState {
  const settling = { finding: event.finding, evidence: event.evidence };
  const step = { ...before, settled: settling, ...writtenBy(event) };
  if (event.decision === "ask") return { ...step, status: "unknown" };
  const { fault: _fault, ...rest } = step; // the target was asked since
  if (event.decision === "done")
    return { ...rest, status: "done", ...(event.result === undefined ? {} : { result: event.result }) };
  return { ...rest, status: event.decision === "go-on" && event.finding !== "absent" ? "stopped" : "todo" };
}

/** `since` and `from` are where this attempt began to count in this unit: rate and ETA follow from them. */
function progressed(step: StepState, event: Of<"step.progressed">, at: number): StepState {
  const counted = step.progress?.unit === event.progress.unit ? step.progress : undefined;
  const started = counted ?? { since: at, from: event.progress.done };
  return { ...step, progress: { ...event.progress, at, since: started.since, from: started.from } };
}

function withStep(state: RunState, key: StepKey, change: (step: StepState) => StepState): RunState {
  return { ...state, steps: state.steps.map((step) => (step.step.key === key ? change(step) : step)) };
}

function withLease(state: RunState, id: LeaseId, change: (lease: LeaseState) => LeaseState): RunState {
  return { ...state, leases: state.leases.map((lease) => (lease.lease.id === id ? change(lease) : lease)) };
}
