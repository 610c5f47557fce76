import type { TrialPlan } from "./drive.ts";
import type { CrashFault, FaultKind, Point } from "./fault.ts";
import type { Mutant } from "./mutants.ts";
import { pick, type Random, upTo } from "./random.ts";
import { boundariesOf, type Trial } from "./trial.ts";

/** What a run without a fault went through: where faults can strike. */
export interface Course {
  readonly trace: readonly string[];
  readonly lines: number;
  readonly boundaries: readonly Point[];
  readonly markers: readonly string[];
}

export function courseOf({ trace, processes, markers }: Trial): Course {
  const lines = processes.reduce((sum, { stdout }) => sum + stdout.split("\n").length - 1, 0);
  return { trace, lines, boundaries: boundariesOf(trace), markers };
}

/** Killed at this boundary, then resumed without a fault. */
export function atBoundary(at: Point, mutant?: Mutant): TrialPlan {
  return { faults: [{ kind: "kill", at }], face: "json", ...(mutant === undefined ? {} : { mutant }) };
}

/** The boundaries that only a resume has: the run is killed where it has to be settled, and its resume when it has settled that. */
export function inResume({ boundaries }: Pick<Course, "boundaries">, mutant?: Mutant): readonly TrialPlan[] {
  const steps = boundaries.flatMap(({ name }) => (name.startsWith("step.intended:") ? [name.slice(14)] : []));
  const pairs = [
    ["run.opened", "run.resumed"],
    ...steps.map((step) => [`step.intended:${step}`, `step.settled:${step}`]),
  ];
  return pairs.map((names) => ({
    faults: names.map((name) => ({ kind: "kill" as const, at: { name, nth: 1 } })),
    face: "json",
    ...(mutant === undefined ? {} : { mutant }),
  }));
}

export interface Wishes {
  readonly kinds: readonly FaultKind[];
  /** How many processes of one run a fault befalls. */
  readonly depth: number;
  readonly mutant?: Mutant | undefined;
}

/** How often each kind is drawn: those that wait for time-outs are slow. */
const weights: Readonly<Record<FaultKind, number>> = {
  kill: 6,
  moment: 4,
  hangup: 2,
  "cut-before": 2,
  "cut-after": 2,
  orphan: 2,
  restart: 1,
  stop: 1,
  full: 1,
  "full-scratch": 1,
  scratch: 1,
};

/** A resume is shorter than a run, by how much depends on where the run was stopped: its faults are drawn from the early part. */
export function randomPlan(random: Random, course: Course, { kinds, depth, mutant }: Wishes): TrialPlan {
  const drawn = kinds.flatMap((kind) => Array.from({ length: weights[kind] }, () => kind));
  const faults = Array.from({ length: depth }, (_, nth) =>
    randomFault(random, pick(random, drawn), course, nth === 0 ? 1 : random()),
  );
  // Lines for people carry no numbers to compare the journal with: most trials print events.
  const face = random() < 0.2 ? "plain" : "json";
  return { faults, face, ...(mutant === undefined ? {} : { mutant }) };
}

function randomFault(random: Random, kind: FaultKind, course: Course, part: number): CrashFault {
  const commits = course.trace.filter((name) => name === "marker.before-commit").length;
  switch (kind) {
    case "moment":
      return { kind, lines: upTo(random, course.lines * part) - 1, ms: upTo(random, 60) - 1 };
    case "cut-before":
    case "cut-after":
      return { kind, nth: upTo(random, commits * part) };
    case "orphan":
      return { kind, nth: upTo(random, 4 * commits * part) };
    case "kill":
    case "hangup":
    case "restart":
    case "stop":
    case "full":
    case "full-scratch":
    case "scratch":
      return { kind, at: { name: "*", nth: upTo(random, course.trace.length * part) } };
  }
}
