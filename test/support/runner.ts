import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { onTestFinished } from "vitest";
import { z } from "zod";
import type { Action, ActionContext } from "../../src/actions/action.ts";
import type { Clock } from "../../src/core/clock.ts";
import { systemClock } from "../../src/core/clock.ts";
import type { Effect, Environment } from "../../src/core/effect.ts";
import type { Json } from "../../src/core/json.ts";
import type { LeaseDraft, LeaseKeeper } from "../../src/core/lease.ts";
import type { PlannedStep } from "../../src/core/plan.ts";
import type { Answer, Question } from "../../src/core/question.ts";
import type { Choice } from "../../src/core/step.ts";
import { Secret } from "../../src/core/secret.ts";
import { memory } from "../../src/engines/memory/memory.ts";
import { type MemoryServer, memoryServer } from "../../src/engines/memory/server.ts";
import type { Guard } from "../../src/guards/guard.ts";
import type { Journal } from "../../src/journal/journal.ts";
import { openJournal } from "../../src/journal/open.ts";
import { bindReferences } from "../../src/runbooks/references.ts";
import type { RunnerParts } from "../../src/runner/parts.ts";
import type { Session } from "../../src/runner/session.ts";
import { limitsWith } from "./limits.ts";
import { aPlan, aStep } from "./runs.ts";

/** A world for one runner test: a real journal, a server in memory, and actions of the test's own. */
export interface World {
  readonly server: MemoryServer;
  readonly journal: Journal;
  readonly parts: RunnerParts;
  /** What effects left behind, in order: the ledger that must never show a thing twice. */
  readonly ledger: string[];
}

export interface WorldOptions {
  readonly actions?: readonly Action[];
  readonly guards?: readonly Guard[];
  readonly clock?: Clock;
  readonly reached?: (name: string) => void;
  readonly server?: MemoryServer;
  readonly folder?: string;
  readonly stopFile?: string;
}

export function world(options: WorldOptions = {}): World {
  const server = options.server ?? memoryServer();
  const clock = options.clock ?? systemClock;
  const folder = options.folder ?? mkdtempSync(path.join(os.tmpdir(), "hf-journal-"));
  const journal = openJournal({ folder, clock });
  onTestFinished(() => {
    journal.close();
    if (options.folder === undefined) rmSync(folder, { recursive: true, force: true });
  });
  const ledger: string[] = [];
  const reached = options.reached ?? (() => undefined);
  const limits = limitsWith({ batchRows: 10 });
  const parts: RunnerParts = {
    journal,
    actions: options.actions ?? [],
    guards: options.guards ?? [],
    connect: (target, run) =>
      memory(server).connect({
        target,
        url: new Secret("memory:"),
        session: { run, person: "ops@bastion" },
        machine: { scratch: os.tmpdir(), serverBinaries: {} },
        limits,
        clock,
        reached,
      }),
    bind: bindReferences,
    phrase: (_target, database) => database,
    machineKeepers: {},
    freeDisk: async () => ({ share: 0.5, bytes: 5e9 }),
    readText: async () => null,
    clock,
    person: { operator: "ops", host: "bastion" },
    version: "0.0.0",
    limits,
    policy: { stopFile: options.stopFile ?? "/nowhere/stop", folders: [folder], minFreeDisk: 0.1, ticket: "none" },
    reached,
  };
  return { server, journal, parts, ledger };
}

/** An action whose `run` is the test's own; everything else is the least that the contract asks for. */
export function anAction(
  name: string,
  effect: Effect,
  run: (ctx: ActionContext) => Promise<Json>,
  more: Partial<Action> = {},
): Action {
  return {
    name,
    summary: name,
    effect,
    recovery: ["transactional"],
    params: z.looseObject({}),
    result: z.unknown(),
    roles: { main: [] },
    check: async () => [],
    preview: async () => ({ summary: name, lines: [], counts: { rows: 1 } }),
    run,
    ...more,
  };
}

export function planOf(
  actions: readonly Action[],
  environment: Environment,
  changes: Readonly<Record<string, Partial<PlannedStep>>> = {},
) {
  const steps = actions.map((action) =>
    aStep(action.name, { effect: action.effect, recovery: action.recovery[0] ?? "manual", ...changes[action.name] }),
  );
  const main = { name: "shop", engine: "memory", environment, database: "shop" };
  return aPlan(steps, { targets: { main } });
}

export const live = {
  purpose: "live" as const,
  wishes: { choices: {}, keepRescue: false },
  interactive: true,
  yesSandbox: false,
};

/** Answers each question by the test's rule, as a person at the keyboard would; `null` leaves it unanswered. */
export function answering(session: Session, rule: (question: Question) => Answer | null): Session {
  let seen = "";
  session.subscribe(() => {
    const { question } = session.state;
    if (question === null || question.id === seen) return;
    seen = question.id;
    const answer = rule(question);
    if (answer !== null) setImmediate(() => session.answer(question.id, answer));
  });
  return session;
}

/** Yes to everything, by the book. */
export function yes(question: Question): Answer {
  switch (question.kind) {
    case "confirm":
      return question.way.kind === "go" ? { kind: "go" } : { kind: "typed", text: question.way.phrase, pasted: false };
    case "choice":
      return { kind: "choose", value: pickedFrom(question.choices)?.value ?? "" };
    case "failure":
      return {
        kind: "act",
        act: question.options.find((option) => option.recommended && option.disabled === undefined)?.act ?? "leave",
      };
  }
}

export function aLease(kind: string, name: string, keepable = false): LeaseDraft {
  return { kind, name, where: "machine", words: `${kind} ${name}`, byHand: `drop ${name}`, keepable, facts: null };
}

/** A keeper over a set of names. */
export function setKeeper(there: Set<string>): LeaseKeeper {
  return {
    find: async (lease) => (there.has(lease.name) ? "present" : "absent"),
    release: async (lease) => void there.delete(lease.name),
  };
}

/** The first that is open, but nothing is left on the server. */
function pickedFrom(choices: readonly Choice[]): Choice | undefined {
  return choices.find(({ value }) => value === "drop") ?? choices.find(({ disabled }) => disabled === undefined);
}
