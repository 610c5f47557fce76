import { Fault } from "../core/errors.ts";
import type { RunEvent } from "../core/event.ts";
import { newRunId, type RunId } from "../core/ids.ts";
import type { Plan } from "../core/plan.ts";
import type { Answer, Question } from "../core/question.ts";
import { isClosed } from "../core/run-state.ts";
import type { RunJournal } from "../journal/journal.ts";
import { drive } from "./drive.ts";
import { Abandoned, type Driver, pauseReason } from "./driver.ts";
import type { RunnerParts } from "./parts.ts";
import { revealing } from "./reveal.ts";
import { runLog } from "./run-log.ts";
import type { RunEnd, Session } from "./session.ts";
import { takenBack } from "./take-back.ts";
import type { OpenOptions } from "./workbench.ts";

/** Journals a new run and begins to drive it. */
export function openRun(parts: RunnerParts, plan: Plan, options: OpenOptions): Session {
  const { purpose, wishes } = options;
  const run = newRunId(parts.clock.now());
  const opened: RunEvent = {
    kind: "run.opened",
    run,
    plan,
    purpose,
    person: parts.person,
    version: parts.version,
    wishes,
  };
  const journal = parts.journal.open(opened);
  parts.reached("run.opened");
  return session(parts, journal, options);
}

/** Takes a run up where its events stand: under its frozen plan, whatever the runbook says now. */
export function resumeRun(parts: RunnerParts, run: RunId, options: Omit<OpenOptions, "purpose">): Session {
  const journal = parts.journal.take(run);
  try {
    const { state } = runLog(journal, parts.journal.read(run));
    if (isClosed(state)) throw closedRun();
    const { person, version } = parts;
    const decided = takenBack(parts.actions, state, options.wishes.choices, person.operator);
    // In one batch: a wish that a kill parted from its resume would be forgotten, and the rows written all the same.
    journal.append([{ kind: "run.resumed", person, version, wishes: options.wishes }, ...decided]);
    parts.reached("run.resumed");
    return session(parts, journal, options);
  } catch (error) {
    journal.release(); // whoever tries next must not be told that this process drives it
    throw error;
  }
}

function closedRun(): Fault {
  return new Fault("HF-RUN-CLOSED", "the run has ended", { exit: "ok", still: "Nothing was begun." });
}

function session(parts: RunnerParts, journal: RunJournal, options: Omit<OpenOptions, "purpose">): Session {
  const log = runLog(journal, parts.journal.read(journal.run));
  const asking = questions(parts);
  const driver: Driver = {
    parts,
    log,
    journal,
    interactive: options.interactive,
    yesSandbox: options.yesSandbox,
    engines: new Map(),
    confirmed: new Map(),
    bugs: [],
    failedHere: new Set(),
    triedHere: new Set(),
    pausing: new AbortController(),
    signal: new AbortController(),
    wait: (question) => asking.wait(question, driver.pausing.signal),
  };
  const showing = revealing(driver);
  // The face gets to subscribe before the first event.
  const ended = Promise.resolve()
    .then(() => drive(driver))
    .then((end) => released(journal, end));
  return {
    run: journal.run,
    get state() {
      return log.state;
    },
    subscribe: log.subscribe,
    events: log.events,
    answer: (question, answer) => showing.thenAnswer(question, () => asking.answer(question, answer)),
    pause: (reason) => driver.pausing.abort(reason),
    cancel: () => cancel(driver),
    note: (text) => log.append({ kind: "note.added", text, by: parts.person.operator }),
    abandon: (reason) => driver.pausing.abort(new Abandoned(reason)),
    canReveal: showing.can,
    reveal: showing.reveal,
    ended,
  };
}

function released(journal: RunJournal, end: RunEnd): RunEnd {
  journal.release();
  return end;
}

/** The statement that runs now is cancelled on the server, and whatever was to follow it does not begin. */
function cancel(driver: Driver): void {
  driver.pausing.abort("the statement was cancelled by the operator");
  driver.signal.abort(new Error("cancelled by the operator"));
  for (const engine of driver.engines.values()) engine.capabilities.marker?.cancel().catch(() => undefined); // then the pause holds
}

interface Asking {
  wait(question: Question, pausing: AbortSignal): Promise<Answer | "lapsed">;
  answer(id: string, answer: Answer): void;
}

/** One question at a time; an answer to one that is no longer asked goes nowhere. */
function questions(parts: RunnerParts): Asking {
  let open: { id: string; settle: (answer: Answer) => void } | null = null;
  return {
    wait: (question, pausing) =>
      new Promise((resolve, reject) => {
        const over = new AbortController();
        const end = (finish: () => void) => {
          open = null;
          over.abort();
          pausing.removeEventListener("abort", onPause);
          finish();
        };
        const onPause = () => end(() => reject(pauseReason(pausing)));
        open = { id: question.id, settle: (answer) => end(() => resolve(answer)) };
        if (pausing.aborted) return onPause();
        pausing.addEventListener("abort", onPause);
        if (question.kind !== "confirm") return;
        const left = question.lapsesAt - parts.clock.now();
        void parts.clock.sleep(left, over.signal).then(() => over.signal.aborted || end(() => resolve("lapsed")));
      }),
    answer: (id, answer) => {
      if (open?.id === id) open.settle(answer);
    },
  };
}
