import { matrixLines, totalLine } from "./matrix.ts";
import { repeatLine } from "./say.ts";
import type { Trial } from "./trial.ts";
import type { CrashWishes } from "./wishes.ts";

export interface Tried {
  readonly trials: readonly Trial[];
  readonly seconds: number;
}

export interface Verdict {
  readonly lines: readonly string[];
  readonly exit: 0 | 1;
}

/** What all trials together say. A trial that was asked for by its faults, and saw none of them, has proved nothing. */
export function verdict(wishes: CrashWishes, { trials, seconds }: Tried): Verdict {
  const bad = trials.filter(({ violations }) => violations.length > 0);
  const head = ["", ...matrixLines(trials), "", `seed ${wishes.seed}: ${totalLine(trials, seconds)}`];
  if (wishes.mutant !== undefined) return ofMutant(wishes.mutant, head, trials, bad);
  const again = bad.map((one) => `again: ${repeatLine(wishes, one.plan)}`);
  if (bad.length > 0) return { lines: [...head, ...again], exit: 1 };
  const isEmpty = wishes.repeat !== null && !trials.some(({ processes }) => processes.some(({ struck }) => struck));
  if (!isEmpty) return { lines: head, exit: 0 };
  const nothing = "NO FAULT STRUCK: the run ended before it reached what --repeat names, so nothing was tried";
  return { lines: [...head, nothing], exit: 1 };
}

function ofMutant(mutant: string, head: readonly string[], trials: readonly Trial[], bad: readonly Trial[]): Verdict {
  const broken = [...new Set(bad.flatMap(({ violations }) => violations.map(({ invariant }) => invariant)))];
  if (bad.length === 0)
    return { lines: [...head, `the mutant ${mutant} was NOT found in ${trials.length} trials`], exit: 1 };
  const found = `the mutant ${mutant} was found at trial ${trials.length}, by ${broken.join(", ")}`;
  return { lines: [...head, found], exit: 0 };
}
