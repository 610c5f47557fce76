import { Fault } from "../core/errors.ts";
import { isPassing, type RunEvent, type Stamped } from "../core/event.ts";
import { shortRunId } from "../core/ids.ts";
import { append, type Dated, type Tip } from "./append.ts";
import type { RunJournal } from "./journal.ts";
import { erasePayload, storePayload } from "./payload.ts";
import type { RunLock } from "./run-lock.ts";
import { type Passed, sampler } from "./sampling.ts";
import { redacted, type Store } from "./store.ts";

/** After a run's end only these are added: who saw its values, what was noted, and what was kept and is given back later. */
const afterEnd = new Set<RunEvent["kind"]>(["note.added", "values.revealed", "lease.released"]);

/**
 * The run while `lock` is held. A passing event that is not kept is given back with the `seq` of the newest entry, so several may share one;
 * the newest of each kind and step is written, with its own time, before the next durable event. A sample that can't be written waits for
 * that as well, and the durable call then says why: progress never ends an effect half way.
 */
export function runJournal(store: Store, lock: RunLock, start: Tip, released: () => void): RunJournal {
  const chain = chainWriter(store, start);
  let isHeld = true;
  const held = () => {
    if (isHeld) return;
    const hint = "Take the run again before writing to its journal.";
    throw new Fault("HF-RUN-NOT-HELD", `run ${shortRunId(start.run)} was given back already`, { hint, exit: "bug" });
  };
  return {
    run: start.run,
    append: (events, how = "durable") => {
      held();
      return chain.append(events, how);
    },
    head: () => chain.tip().hash,
    storePayload: (what, bytes) => {
      held();
      return storePayload(store, chain.tip(), what, bytes);
    },
    erasePayload: (ref) => {
      held();
      erasePayload(store, chain.tip(), ref);
    },
    release: () => {
      if (!isHeld) return;
      isHeld = false;
      lock.release();
      released();
    },
  };
}

interface ChainWriter {
  readonly tip: () => Tip;
  readonly append: RunJournal["append"];
}

function chainWriter(store: Store, start: Tip): ChainWriter {
  let tip = start;
  const passing = sampler(() => store.clock.monotonic());

  const write = (events: readonly Dated[], samples: readonly Passed[]): readonly Stamped[] => {
    const written = append(store, tip, events);
    tip = written.tip;
    passing.kept(samples);
    return written.stamped;
  };
  const keepAll = (events: readonly Dated[]): readonly Stamped[] => {
    const waiting = passing.waiting("all");
    return write([...waiting, ...events], waiting).slice(waiting.length);
  };
  const keepSample = (events: readonly Passed[]): readonly Stamped[] => {
    const isDue = events.map((one) => passing.hold(one)).includes(true);
    const due = isDue ? passing.waiting("due") : [];
    const stamped = due.length > 0 ? unlessFault(() => write(due, due)) : [];
    return events.map((one) => stamped[due.indexOf(one)] ?? { seq: tip.seq, at: one.at, event: one.event });
  };

  return {
    tip: () => tip,
    append: (events, how) => {
      if (events.length === 0) return [];
      refuseAfterEnd(tip, events);
      const at = Math.trunc(store.clock.now());
      const dated = events.map((event) => ({ at, event: redacted(store, event) }));
      return how === "passing" && areSamples(dated) ? keepSample(dated) : keepAll(dated);
    },
  };
}

function areSamples(dated: readonly Dated[]): dated is readonly Passed[] {
  return dated.every(({ event }) => isPassing(event));
}

function unlessFault(write: () => readonly Stamped[]): readonly Stamped[] {
  try {
    return write();
  } catch (error) {
    if (error instanceof Fault) return [];
    throw error;
  }
}

function refuseAfterEnd({ run, isClosed }: Tip, events: readonly RunEvent[]): void {
  const late = isClosed ? events.find(({ kind }) => !afterEnd.has(kind)) : undefined;
  if (!late) return;
  const still = "The run's end stands as it was journaled.";
  const words = `run ${shortRunId(run)} is closed: ${late.kind} can't be added to it`;
  throw new Fault("HF-RUN-CLOSED", words, { still, exit: "journal" });
}
