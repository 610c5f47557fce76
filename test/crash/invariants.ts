import { actions } from "../../src/actions/index.ts";
import type { RunEvent, Stamped } from "../../src/core/event.ts";
import { isPassing } from "../../src/core/event.ts";
import { exitCodes } from "../../src/core/exit-codes.ts";
import type { Json } from "../../src/core/json.ts";
import type { RunState } from "../../src/core/run-state.ts";
import { eventHash } from "../../src/journal/chain.ts";
import type { VerifyReport } from "../../src/journal/journal.ts";
import type { Lived } from "./drive.ts";
import type { CrashWorld, MarkerFact, Seen } from "./world.ts";

export interface RunSeen {
  readonly run: string;
  readonly events: readonly Stamped[];
  readonly state: RunState;
  readonly markers: readonly MarkerFact[];
}

/** Everything that can be looked at once a trial is over. */
export interface Evidence {
  readonly world: Pick<CrashWorld, "results" | "lostValue">;
  readonly done: boolean;
  readonly processes: readonly Lived[];
  readonly verified: VerifyReport;
  readonly runs: readonly RunSeen[];
  /** The names of the markers that a run without a fault leaves; null while that is not known. */
  readonly usualMarkers: readonly string[] | null;
  readonly before: Seen;
  readonly now: Seen;
  /** Command lines of processes that name the trial's folder, and what lies in its scratch and temporary folders. */
  readonly left: readonly string[];
  /** Where a secret or a row's value was found. */
  readonly leaked: readonly string[];
}

export interface Violation {
  readonly invariant: keyof typeof invariants;
  readonly what: string;
}

type Look = (seen: Evidence) => readonly string[];

/** Each gives what is wrong, in words; nothing when it holds. Numbers as in docs/reliability.md. */
export const invariants = {
  I1: chainHolds,
  I2: markersHaveIntents,
  I3: outcomesHaveMarkers,
  I4: effectsHappenedOnce,
  I5: oneOutcomeOneEnd,
  I6: acknowledgedIsKept,
  I7: resumeEnds,
  I8: rowsAreAsBefore,
  I9: effectsWereConfirmed,
  I10: nothingIsLeft,
  I11: oneProcessDrives,
  I12: nothingLeaked,
} as const satisfies Readonly<Record<string, Look>>;

export function violationsIn(seen: Evidence): readonly Violation[] {
  return Object.entries(invariants).flatMap(([name, look]) =>
    (look as Look)(seen).map((what) => ({ invariant: name as keyof typeof invariants, what })),
  );
}

/** The journal verifies, and each run's numbers go from 1 without a gap. */
function chainHolds({ verified, runs }: Evidence): readonly string[] {
  const broken = verified.intact ? [] : [`the journal does not verify: ${JSON.stringify(verified.firstBad)}`];
  const gaps = runs.flatMap(({ events }) =>
    events.flatMap(({ seq }, at) => (seq === at + 1 ? [] : [`event ${at + 1} has the number ${seq}`])).slice(0, 1),
  );
  return [...broken, ...gaps];
}

/** A marker names the journal as it stood when it was claimed: that was after the intent of its very step. */
function markersHaveIntents({ runs }: Evidence): readonly string[] {
  return runs.flatMap((seen) => {
    const hashes = hashesOf(seen);
    return seen.markers.flatMap((marker) => {
      const step = stepOfMarker(seen.state, marker.key);
      const claimed = hashes.indexOf(marker.intent);
      if (claimed === -1) return [`marker ${marker.key} names no entry of the journal`];
      const intended = seen.events.findIndex(({ event }) => event.kind === "step.intended" && event.step === step);
      return intended === -1 || intended > claimed ? [`marker ${marker.key} is older than its intent`] : [];
    });
  });
}

function outcomesHaveMarkers({ runs }: Evidence): readonly string[] {
  return runs.flatMap(({ state, markers }) =>
    state.steps
      .filter(({ step, status }) => status === "done" && ["transactional", "cursor"].includes(step.recovery))
      .flatMap(({ step }) => {
        const own = markers.filter(({ key }) => stepOfMarker(state, key) === step.key);
        if (own.length === 0) return [`${step.key} is done, and has no marker`];
        return own.filter(({ done }) => !done).map(({ key }) => `${step.key} is done, and its marker ${key} is not`);
      }),
  );
}

/** What the steps say that they did, over all processes together, is what there was to do: nothing twice, nothing left out. */
function effectsHappenedOnce({ world, runs, done, usualMarkers }: Evidence): readonly string[] {
  if (!done) return [];
  const [finished] = runs.filter(({ state }) => state.status === "done");
  if (finished === undefined) return ["no run is done"];
  const sums = Object.entries(world.results).flatMap(([key, expected]) => {
    const result = finished.state.steps.find(({ step }) => step.key === key)?.result;
    return Object.entries(expected)
      .filter(([name, count]) => field(result, name) !== count)
      .map(([name, count]) => `${key} says ${name} ${JSON.stringify(field(result, name))}, and there were ${count}`);
  });
  const keys = finished.markers.map(({ key }) => key);
  const names =
    usualMarkers === null || String(keys) === String(usualMarkers) ? [] : [`markers: ${keys.join(", ") || "none"}`];
  return [...sums, ...names];
}

function oneOutcomeOneEnd({ runs, done }: Evidence): readonly string[] {
  const wrong = runs.flatMap(({ run, events, state }) => {
    const outcomes = events.flatMap(({ event }) =>
      event.kind === "step.ended" && event.attempt > 0 ? [`${event.step}#${event.attempt}`] : [],
    );
    const twice = outcomes.filter((outcome, at) => outcomes.indexOf(outcome) !== at);
    const ends = events.filter(({ event }) => event.kind === "run.closed").length;
    const meddled = state.status === "abandoned" && state.steps.some(({ attempt }) => attempt > 0);
    return [
      ...twice.map((outcome) => `two outcomes of ${outcome}`),
      ...(ends <= 1 ? [] : [`run ${run} has ${ends} ends`]),
      ...(meddled ? [`run ${run} was given up after it had begun something`] : []),
    ];
  });
  const finished = runs.filter(({ state }) => state.status === "done").length;
  return finished === (done ? 1 : 0) ? wrong : [...wrong, `${finished} runs are done`];
}

/** What a process printed as journaled is in the journal, word for word. */
function acknowledgedIsKept({ processes, runs }: Evidence): readonly string[] {
  const kept = new Map(runs.map(({ run, events }) => [run, events]));
  const told = processes.flatMap((one) => [one.stdout, one.beside?.stdout ?? ""]).flatMap(printedEvents);
  return told
    .filter(({ event }) => !isPassing(event))
    .filter(({ run, seq, event }) => JSON.stringify(kept.get(run)?.[seq - 1]?.event) !== JSON.stringify(event))
    .map(({ run, seq, event }) => `${event.kind}, entry ${seq} of run ${run}, was told and is not in the journal so`);
}

/** A process ends by itself, in a way that the table of exit codes has; and after the last fault the run comes to its end. */
function resumeEnds({ processes, done }: Evidence): readonly string[] {
  const codes = new Set<number>(Object.values(exitCodes).map(({ code }) => code));
  const wrong = processes
    .flatMap((one) => [one, ...(one.beside ? [one.beside] : [])])
    .flatMap((one) => {
      if (one.hung) return ["a process did not end"];
      // Within a step a bug leaves the step's exit code: its own code tells.
      if (one.code === exitCodes.bug.code || `${one.stdout}${one.stderr}`.includes("HF-BUG"))
        return [`a bug: ${one.stderr.trim().split("\n").at(-1)}`];
      if (one.code !== null) return codes.has(one.code) ? [] : [`an exit that no table has: ${one.code}`];
      return one.signal === "SIGKILL" || one.signal === "SIGHUP" ? [] : [`ended by ${one.signal}`];
    });
  const last = processes.at(-1);
  return done
    ? wrong
    : [...wrong, `not done after ${processes.length} processes: exit ${last?.code} ${last?.stderr.slice(0, 600)}`];
}

function rowsAreAsBefore({ before, now }: Evidence): readonly string[] {
  if (before.rows === now.rows) return [];
  const [was, is] = [before.rows.split("\n"), now.rows.split("\n")];
  const [gone, strange] = [without(was, is).length, without(is, was).length];
  return [`${was.length} lines before and ${is.length} now: ${gone} are gone or differ, ${strange} are new or differ`];
}

/** An effect begins only in a process that was told that it may. */
function effectsWereConfirmed({ runs }: Evidence): readonly string[] {
  const asksItself = new Set(actions.filter(({ confirmed }) => confirmed !== undefined).map(({ name }) => name));
  return runs.flatMap(({ events, state }) => {
    const asking = new Set(
      state.plan.steps
        .filter(({ effect, action }) => effect !== "read" && !asksItself.has(action))
        .map(({ key }) => key),
    );
    const asked = new Map<string, readonly string[]>();
    const allowed = new Set<string>();
    return events.flatMap(({ event }) => {
      if (event.kind === "run.resumed") allowed.clear();
      if (event.kind === "question.asked" && event.question.kind === "confirm")
        asked.set(event.question.id, event.question.covers);
      if (event.kind === "question.answered" && event.answered.kind === "confirmed")
        for (const step of asked.get(event.question) ?? []) allowed.add(step);
      return event.kind === "step.intended" && asking.has(event.step) && !allowed.has(event.step)
        ? [`${event.step} was begun without a confirmation in its process`]
        : [];
    });
  });
}

function nothingIsLeft({ before, now, runs, left, done }: Evidence): readonly string[] {
  const held = runs.flatMap(({ state }) =>
    state.leases
      .filter(({ status }) => status !== "released")
      .map(({ lease }) => `not given back in the journal: ${lease.name}`),
  );
  return [
    ...(done ? held : []),
    ...without(now.footprint, before.footprint).map((what) => `left on the server: ${what}`),
    ...without(before.footprint, now.footprint).map((what) => `gone from the server: ${what}`),
    ...left,
  ];
}

/** A process that was started while another one, though it stood still, drove the run: it is turned away, and has journaled nothing. */
function oneProcessDrives({ processes }: Evidence): readonly string[] {
  return processes.flatMap(({ beside, where }) => {
    // Who stands still before it has opened the journal drives nothing yet: the second may, and the first finds that out.
    if (beside === null || where?.startsWith("journal.open:")) return [];
    const drove = printedEvents(beside.stdout).length > 0;
    return drove ? [`a second process drove the run: exit ${beside.code}`] : [];
  });
}

function nothingLeaked({ leaked }: Evidence): readonly string[] {
  return leaked;
}

function without(lines: readonly string[], others: readonly string[]): readonly string[] {
  const known = new Set(others);
  return lines.filter((line) => !known.has(line));
}

/** `merge:public.orders` is of the step `merge`, unless there is a step `merge:public.orders`, as `each:` makes them. */
function stepOfMarker({ steps }: RunState, marker: string): string | undefined {
  return steps
    .map(({ step }) => step.key)
    .filter((key) => marker === key || marker.startsWith(`${key}:`))
    .toSorted((a, b) => b.length - a.length)[0];
}

function hashesOf({ run, events }: RunSeen): readonly string[] {
  let before = "";
  return events.map(({ seq, at, event }) => {
    before = eventHash(run, before, { seq, at, kind: event.kind, body: JSON.stringify(event) });
    return before;
  });
}

function field(result: Json | undefined, name: string): Json | undefined {
  return typeof result === "object" && result !== null && !Array.isArray(result)
    ? (result as Record<string, Json>)[name]
    : undefined;
}

interface Printed extends Stamped {
  readonly run: string;
  readonly event: RunEvent;
}

/** Whole lines only: the last one of a killed process may be cut. */
function printedEvents(stdout: string): readonly Printed[] {
  return stdout
    .split("\n")
    .slice(0, -1)
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Printed);
}
