import type { RevealedRow } from "../../../src/core/step.ts";
import { frameOf, frameText } from "../../../src/screens/frame.ts";
import type { Key, NamedKey } from "../../../src/screens/input/decode.ts";
import {
  type Command,
  firstModel,
  type Message,
  type Model,
  type Route,
  type Size,
} from "../../../src/screens/model.ts";
import { update } from "../../../src/screens/update.ts";
import {
  began,
  failing,
  finished,
  merging,
  planFor,
  runId,
  statementQuestion,
  story,
  untilMerge,
  confirmQuestion,
  type Story,
  done,
} from "./story.ts";
import { readyTarget, runbooks, summaryOf, targets } from "./fake-workbench.ts";

export const sizes: readonly Size[] = [
  { columns: 60, rows: 15 },
  { columns: 80, rows: 24 },
  { columns: 100, rows: 30 },
];

export function named(name: NamedKey): Key {
  return { kind: "named", name };
}

export function letters(text: string): Key {
  return { kind: "text", text };
}

export function model(over: Partial<Model> = {}, size: Size = { columns: 100, rows: 30 }): Model {
  const first = firstModel({
    size,
    now: began + 400_000,
    who: "ops_k@bastion-2",
    journalFile: "/home/ops_k/.local/state/holdfast/journal.db",
    plainCursor: false,
    altScreen: true,
    resumeCommand: (run) => `holdfast resume ${run}`,
    pasteable: (command) => command.replace(/^holdfast/, "node dist/main.js"),
    bench: { runs: [summaryOf()], targets, runbooks },
  });
  return { ...first, ...over };
}

/** A model on the run's own screen, long after its question appeared. */
export function running(told: Story, size?: Size): Model {
  const at = told.now;
  const opened = update(model({ now: at }, size), { kind: "session-opened", state: told.state }, at).model;
  return { ...opened, now: at + 1000 };
}

export function ended(told: Story, size?: Size): Model {
  const live = running(told, size);
  return update(live, { kind: "run-ended", end: { exit: "ok", state: told.state } }, live.now).model;
}

export interface Played {
  readonly model: Model;
  readonly commands: readonly Command[];
}

/** Plays keys and messages, a second between them unless told, and gathers what they ask of the world. */
export function play(first: Model, inputs: readonly (Key | Message)[], gapMs = 1000): Played {
  let now = first.now;
  let current = first;
  const commands: Command[] = [];
  for (const input of inputs) {
    now += gapMs;
    const message: Message = isMessage(input) ? input : { kind: "key", key: input };
    const next = update(current, message, now);
    current = next.model;
    commands.push(...next.commands);
  }
  return { model: current, commands };
}

/** Values as they come: long, wide, hostile, absent, changed since. */
export const sampleRows: readonly RevealedRow[] = [
  {
    from: "public.orders",
    rescued: {
      id: "17",
      note: `x\u001b[2J${"long ".repeat(40)}`,
      city: "\u6771\u4eac ".repeat(30),
      gone: null,
      blank: "",
    },
    present: null,
  },
  {
    from: "public.orders",
    rescued: { id: "18", note: "as it was\nthen", city: "Z\u00fcrich", gone: null, blank: "" },
    present: { id: "18", note: "as it is", city: "Z\u00fcrich", gone: null, blank: "" },
  },
];

function isMessage(input: Key | Message): input is Message {
  return !["text", "named", "paste"].includes(input.kind);
}

export function textOf(shown: Model): string {
  return linesOf(shown).join("\n");
}

export function linesOf(shown: Model): readonly string[] {
  return frameText(frameOf(shown));
}

/** Every screen there is, by name: the table behind the rules that hold for all of them. */
export function everyScreen(size: Size): Readonly<Record<string, Model>> {
  const at = (route: Route, over: Partial<Model> = {}) => model({ routes: [{ kind: "start" }, route], ...over }, size);
  const target = targets[0]!;
  const runbook = runbooks[0]!;
  const told = merging();
  const resume: Route = { kind: "resume", summary: summaryOf(), state: told.state, events: told.events.length };
  const choosing = story().tell(...done("freeze", 1000), ...done("statement", 900), {
    kind: "question.asked",
    question: statementQuestion,
  });
  const typing = untilMerge().tell({ kind: "question.asked", question: confirmQuestion() });
  const going = untilMerge("sandbox").tell({
    kind: "question.asked",
    question: confirmQuestion({ way: { kind: "go" } }),
  });
  const over = (base: Model, route: Route) => ({ ...base, routes: [...base.routes, route] });
  return {
    start: model({}, size),
    targets: at({ kind: "targets", environment: "production" }),
    runbooks: at({ kind: "runbooks", target }),
    inputs: at({ kind: "inputs", target, runbook }),
    plan: at({ kind: "plan", plan: planFor() }),
    resume: at(resume),
    live: running(told, size),
    choice: running(choosing, size),
    type: running(typing, size),
    go: running(going, size),
    failure: running(failing(), size),
    ended: ended(finished(), size),
    paused: ended(merging().tell({ kind: "run.paused", reason: "paused by the operator" }), size),
    values: over(running(typing, size), { kind: "values", step: "check", rows: sampleRows }),
    details: over(running(told, size), { kind: "details" }),
    note: over(running(told, size), { kind: "note" }),
    write: over(running(choosing, size), {
      kind: "write",
      question: "Q7",
      asks: "Which statement took the rows?",
      byHand: "transaction ids joined by +",
    }),
    "give-up": over(at(resume), { kind: "give-up", run: runId, state: told.state }),
    doctor: at({ kind: "doctor", look: 1, targets: ["shop", "play"], answers: [readyTarget()], note: "public.orders" }),
    journal: at({ kind: "journal" }),
    timeline: at({ kind: "timeline", state: told.state, events: told.events }),
    help: over(running(told, size), { kind: "help", of: "live" }),
  };
}
