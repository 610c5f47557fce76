import type { Seams } from "../../src/compose.ts";
import type { RunEvent } from "../../src/core/event.ts";
import type { EngineFactory } from "../../src/engines/engine.ts";
import { engines } from "../../src/engines/index.ts";
import type { Claim } from "../../src/engines/marker.ts";
import type { Journal, RunJournal } from "../../src/journal/journal.ts";

/** A product with one guard broken; the harness must notice each. */
export const mutants = ["marker-off", "outcome-before-effect"] as const;
export type Mutant = (typeof mutants)[number];

export function mutated(mutant: Mutant | undefined): Seams {
  switch (mutant) {
    case "marker-off":
      return { engines: engines.map(withoutMarker) };
    case "outcome-before-effect":
      return { journal: hasty };
    case undefined:
      return {};
  }
}

/** Each attempt claims under a name of its own, so that no marker ever says that a thing was done. */
function withoutMarker(factory: EngineFactory): EngineFactory {
  const forgetful = (claim: Claim): Claim => ({ ...claim, key: `${claim.key}/${process.pid}/${Math.random()}` });
  return {
    ...factory,
    connect: async (request) => {
      const engine = await factory.connect(request);
      const { marker } = engine.capabilities;
      if (!marker) return engine;
      const broken = {
        ...marker,
        once: (...args: Parameters<typeof marker.once>) => marker.once(forgetful(args[0]), args[1] as never, args[2]),
      };
      return { ...engine, capabilities: { ...engine.capabilities, marker: broken as typeof marker } };
    },
  };
}

/** The outcome of the merge is journaled with its intent, before anything was done. */
function hasty(journal: Journal): Journal {
  const hurried = (run: RunJournal): RunJournal => ({
    ...run,
    append: (events, how) => run.append(events.flatMap(withOutcome), how),
  });
  return { ...journal, open: (opened) => hurried(journal.open(opened)), take: (run) => hurried(journal.take(run)) };
}

function withOutcome(event: RunEvent): RunEvent[] {
  if (event.kind !== "step.intended" || event.step !== "merge") return [event];
  const result = { tables: [], inserted: 0, left: 0 };
  return [event, { kind: "step.ended", step: event.step, attempt: event.attempt, outcome: "done", result, took: 0 }];
}
