import { applyEvent, foldRun } from "../core/apply-event.ts";
import type { PassingEvent, RunEvent, Stamped } from "../core/event.ts";
import type { RunState } from "../core/run-state.ts";
import type { RunJournal } from "../journal/journal.ts";
import type { Unsubscribe } from "./session.ts";

/** The run's one state: what is appended here is durable first, and is folded and told to the faces afterwards. */
export interface RunLog {
  readonly state: RunState;
  append(...events: readonly RunEvent[]): void;
  pass(event: PassingEvent): void;
  subscribe(listener: () => void): Unsubscribe;
  events(listener: (stamped: Stamped) => void): Unsubscribe;
}

export function runLog(journal: RunJournal, before: readonly Stamped[]): RunLog {
  let state = foldRun(before);
  const snapshots = new Set<() => void>();
  const stamps = new Set<(stamped: Stamped) => void>();
  const take = (stamped: readonly Stamped[]) => {
    for (const one of stamped) {
      state = applyEvent(state, one);
      for (const listener of stamps) tell(() => listener(one));
    }
    for (const listener of snapshots) tell(listener);
  };
  return {
    get state() {
      return state;
    },
    append: (...events) => {
      if (events.length > 0) take(journal.append(events));
    },
    pass: (event) => take(journal.append([event], "passing")),
    subscribe: (listener) => listening(snapshots, listener),
    events: (listener) => listening(stamps, listener),
  };
}

/** A face that fails must not turn what is durable into a failure of the run: its fault surfaces by itself. */
function tell(listener: () => void): void {
  try {
    listener();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

function listening<T>(listeners: Set<T>, listener: T): Unsubscribe {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}
