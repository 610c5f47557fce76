/**
 * A program for the bench: the screens on a run of 40 steps whose bar moves ten times a second, without a server behind it. It is bundled
 * and started in a pseudo-terminal by first-frame.ts, and goes on until it is ended.
 */
import { applyEvent, foldRun } from "../src/core/apply-event.ts";
import { systemClock } from "../src/core/clock.ts";
import type { RunEvent } from "../src/core/event.ts";
import { type Plan, sealPlan } from "../src/core/plan.ts";
import type { Session } from "../src/runner/session.ts";
import { runTui } from "../src/screens/app.tsx";
import { fakeSession, fakeWorkbench } from "../test/screens/support/fake-workbench.ts";
import { done, person, planFor, runId, story } from "../test/screens/support/story.ts";

const updateMs = 100;
const total = 9_812_040;

const moving = "step-20";
const session = liveSession([
  { kind: "run.opened", run: runId, plan: longPlan(), purpose: "live", person, version: "0.1.0", wishes: noWishes() },
  ...Array.from({ length: 19 }, (_, at) => done(`step-${at + 1}`, 1200 + at)).flat(),
  { kind: "step.intended", step: moving, attempt: 1, params: {}, recovery: "cursor" },
]);
let rows = 0;
setInterval(() => {
  rows = (rows + 3271) % total;
  session.tell({ kind: "step.progressed", step: moving, progress: { done: rows, total, unit: "rows", note: "" } });
}, updateMs);

const workbench = fakeWorkbench(() => story("sandbox"));
const { stdin, stdout, env } = process;
await runTui({
  workbench,
  start: { kind: "session", session },
  stdin,
  stdout,
  clock: systemClock,
  env,
  altScreen: true,
});
process.exit(0);

function noWishes() {
  return { choices: {}, keepRescue: false };
}

function longPlan(): Plan {
  const { digest: _digest, ...plan } = planFor("sandbox");
  const steps = Array.from({ length: 40 }, (_, at) => plan.steps.slice(at % plan.steps.length)[0]).filter(
    (step) => step !== undefined,
  );
  return sealPlan({ ...plan, steps: steps.map((step, at) => ({ ...step, key: `step-${at + 1}` })) });
}

/** As a driven session: each event is folded at its real time, and told. */
function liveSession(events: readonly RunEvent[]): Session & { tell(event: RunEvent): void } {
  const listeners = new Set<() => void>();
  const began = Date.now();
  let state = foldRun(events.map((event, at) => ({ seq: at + 1, at: began, event })));
  return {
    ...fakeSession(story("sandbox")),
    get state() {
      return state;
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    tell(event) {
      state = applyEvent(state, { seq: state.seq + 1, at: Date.now(), event });
      for (const listener of listeners) listener();
    },
  };
}
