import { foldRun } from "../core/apply-event.ts";
import type { Clock } from "../core/clock.ts";
import { faultRecord } from "../core/errors.ts";
import type { ExitName } from "../core/exit-codes.ts";
import type { StepKey } from "../core/ids.ts";
import { newestToShow, type Session } from "../runner/session.ts";
import type { Workbench } from "../runner/workbench.ts";
import type { Bench, Command, Message } from "./model.ts";
import { doctor } from "./perform-doctor.ts";
import { throttle } from "./store.ts";

export interface PerformParts {
  readonly workbench: Workbench;
  readonly clock: Clock;
  /** The least time between two publications of a run's state. */
  readonly everyMs: number;
  readonly dispatch: (message: Message) => void;
  readonly drain: () => void;
  readonly exit: (exit: ExitName) => void;
}

export interface Performer {
  perform(command: Command): void;
  /** Follows a session that was opened elsewhere. */
  follow(session: Session): void;
  /** Pauses the run that is driven here, if there is one, and settles when this process has let go of it. */
  letGo(reason: string): Promise<void>;
  stop(): void;
}

const noWishes = { choices: {}, keepRescue: false };
const opening = { wishes: noWishes, interactive: true, yesSandbox: false } as const;
const lookAfterMs = 150;

/** Carries out what the update asks for, and reports back by messages; what goes wrong becomes a message too, a bug with its own code. */
export function performer(parts: PerformParts): Performer {
  const following = follower(parts);
  const looking = looker(parts);
  const asking = doctor(parts.workbench, parts.dispatch);
  const driving = drivingCommands(parts, following);
  const carryOut = (command: Command): void => {
    switch (command.do) {
      case "exit":
        return parts.exit(command.exit);
      case "drain":
        return parts.drain();
      case "refresh":
        return parts.dispatch({ kind: "refreshed", bench: benchOf(parts.workbench) });
      case "judge":
        return looking.look(command);
      case "plan":
        return void planned(parts, command);
      case "read":
        return read(parts, command);
      case "doctor":
        return asking.ask(command);
      case "stop-doctor":
        return asking.stop();
      default:
        return driving(command);
    }
  };
  const perform = (command: Command) => {
    try {
      carryOut(command);
    } catch (error) {
      parts.dispatch({ kind: "went-wrong", fault: faultRecord(error) });
    }
  };
  const letGo = async (reason: string) => {
    const driven = following.session();
    driven?.pause(reason);
    await driven?.ended;
  };
  const stop = () => {
    looking.stop();
    asking.stop();
    following.stop();
  };
  return { perform, follow: following.follow, letGo, stop };
}

interface Follower {
  readonly session: () => Session | null;
  readonly follow: (session: Session) => void;
  stop(): void;
}

/** Publishes one session's state, at most every so often, and its end. */
function follower(parts: PerformParts): Follower {
  let session: Session | null = null;
  let unfollow = () => {};
  const follow = (next: Session) => {
    unfollow();
    session = next;
    const publish = () => parts.dispatch({ kind: "run-changed", state: next.state, revealable: newestToShow(next) });
    const publishing = throttle(publish, parts.everyMs, () => parts.clock.monotonic());
    const unsubscribe = next.subscribe(() => publishing.changed());
    unfollow = () => {
      unsubscribe();
      publishing.stop();
    };
    parts.dispatch({ kind: "session-opened", state: next.state, revealable: newestToShow(next) });
    void next.ended.then((end) => {
      unfollow();
      session = null;
      parts.dispatch({ kind: "run-ended", end });
    });
  };
  return { session: () => session, follow, stop: () => unfollow() };
}

type DrivingCommand = Exclude<
  Command,
  { do: "exit" | "drain" | "refresh" | "judge" | "plan" | "read" | "doctor" | "stop-doctor" }
>;

/** What opens a session, or speaks to the one that is driven. */
function drivingCommands(parts: PerformParts, { session, follow }: Follower): (command: DrivingCommand) => void {
  const { workbench } = parts;
  return (command) => {
    switch (command.do) {
      case "open":
        return follow(workbench.open(command.plan, { ...opening, purpose: command.purpose }));
      case "resume":
        return follow(workbench.resume(command.run, opening));
      case "give-up":
        return giveUp(workbench, session(), command.run, follow);
      case "answer":
        return session()?.answer(command.question, command.answer);
      case "pause":
        return session()?.pause(command.reason);
      case "cancel":
        return session()?.cancel();
      case "note":
        return session()?.note(command.text);
      case "reveal":
        return void reveal(parts, session(), command.step);
    }
  };
}

/** The rows go straight to the screen that asked; nothing here keeps them. */
async function reveal({ dispatch }: PerformParts, session: Session | null, step: StepKey): Promise<void> {
  try {
    dispatch({ kind: "revealed", step, rows: (await session?.reveal(step)) ?? [] });
  } catch (error) {
    dispatch({ kind: "went-wrong", fault: faultRecord(error) });
  }
}

function giveUp(workbench: Workbench, driven: Session | null, run: string, follow: (session: Session) => void): void {
  const reason = "given up by the operator";
  if (driven?.run === run) return driven.abandon(reason);
  const taken = workbench.resume(run, opening);
  taken.abandon(reason); // before its first step can begin
  follow(taken);
}

interface Looker {
  look(command: Extract<Command, { do: "judge" }>): void;
  stop(): void;
}

/** At most one look at each input field; a newer one silences the older. */
function looker(parts: PerformParts): Looker {
  const newest = new Map<string, AbortController>();
  return {
    look(command) {
      newest.get(command.field.name)?.abort();
      const mine = new AbortController();
      newest.set(command.field.name, mine);
      void lookAt(parts, command, mine.signal);
    },
    stop() {
      for (const one of newest.values()) one.abort();
    },
  };
}

export function benchOf(workbench: Workbench): Bench {
  return { runs: workbench.runs(), targets: workbench.targets(), runbooks: workbench.runbooks() };
}

/** Waits until the typing rests, then asks for the verdict and the suggestions; a newer look makes this one silent. */
async function lookAt(
  parts: PerformParts,
  { target, field, text }: Extract<Command, { do: "judge" }>,
  signal: AbortSignal,
): Promise<void> {
  await parts.clock.sleep(lookAfterMs, signal);
  if (signal.aborted) return;
  const name = field.name;
  try {
    const [verdict, items] = await Promise.all([
      text === "" ? null : parts.workbench.judge(target, field, text),
      parts.workbench.suggest(target, field, text),
    ]);
    if (signal.aborted) return;
    if (verdict !== null) parts.dispatch({ kind: "judged", field: name, text, verdict });
    parts.dispatch({ kind: "suggested", field: name, text, items });
  } catch (error) {
    if (signal.aborted) return;
    const fault = faultRecord(error);
    parts.dispatch({ kind: "judged", field: name, text, verdict: { ok: false, words: fault.message } });
    parts.dispatch({ kind: "went-wrong", fault });
  }
}

async function planned(parts: PerformParts, { request }: Extract<Command, { do: "plan" }>): Promise<void> {
  try {
    parts.dispatch({ kind: "planned", plan: await parts.workbench.plan(request) });
  } catch (error) {
    parts.dispatch({ kind: "went-wrong", fault: faultRecord(error) });
  }
}

function read(parts: PerformParts, command: Extract<Command, { do: "read" }>): void {
  const events = parts.workbench.timeline(command.run);
  parts.dispatch({ kind: "refreshed", bench: benchOf(parts.workbench) });
  parts.dispatch({ kind: "read", run: command.run, for: command.for, events, state: foldRun(events) });
}
