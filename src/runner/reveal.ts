import type { QuestionId, StepKey } from "../core/ids.ts";
import { isClosed, stepOf } from "../core/run-state.ts";
import type { RevealedRow } from "../core/step.ts";
import { readContext } from "./context.ts";
import { actionOf, type Driver, isDryRun } from "./driver.ts";

/** What a session shows of rows' values, as its contract has it (`session.ts`). */
export interface Revealing {
  can(step: StepKey): boolean;
  reveal(step: StepKey): Promise<readonly RevealedRow[]>;
  /** An answer may begin an effect on the same connection: it waits until what is being read is there. */
  thenAnswer(question: QuestionId, answer: () => void): void;
}

/** Values are read only while a question waits: nothing of ours is in the air on the target then. */
export function revealing(driver: Driver): Revealing {
  const { log, parts } = driver;
  let answered = "";
  let reading: Promise<unknown> | null = null;
  const waits = () => log.state.question !== null && log.state.question.id !== answered;
  const read = async (step: StepKey) => {
    const rows = (await revealOf(driver, step)?.()) ?? [];
    if (rows.length > 0)
      log.append({ kind: "values.revealed", what: step, rows: rows.length, by: parts.person.operator });
    return rows;
  };
  return {
    can: (step) => waits() && revealOf(driver, step) !== null,
    reveal: async (step) => {
      if (!waits()) return [];
      const rows = read(step);
      const over = rows.then(nothing, nothing);
      reading = over;
      try {
        return await rows;
      } finally {
        if (reading === over) reading = null;
      }
    },
    thenAnswer: (question, answer) => {
      if (log.state.question?.id === question) answered = question;
      if (reading === null) answer();
      else void reading.then(answer);
    },
  };
}

function nothing(): void {
  // only that it is over counts
}

function revealOf(driver: Driver, key: StepKey): (() => Promise<readonly RevealedRow[]>) | null {
  const state = stepOf(driver.log.state, key);
  const { reveal } = actionOf(driver, state.step);
  const isReached = driver.engines.size > 0 && !isDryRun(driver) && !isClosed(driver.log.state);
  if (reveal === undefined || state.status !== "done" || !isReached) return null;
  return () => reveal(readContext(driver, state.step), state.result);
}
