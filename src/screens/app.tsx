import type { Clock } from "../core/clock.ts";
import { faultRecord } from "../core/errors.ts";
import type { ExitName } from "../core/exit-codes.ts";
import type { RunId } from "../core/ids.ts";
import type { Session } from "../runner/session.ts";
import type { Workbench } from "../runner/workbench.ts";
import type { Key } from "./input/decode.ts";
import { pasteable, resumeCommand, type Started } from "../words/commands.ts";
import { bytesForInk } from "./input/to-ink.ts";
import { type KeyPump, keyPump } from "./input/key-pump.ts";
import type { Content, Drawn, OnCrash } from "./mount.tsx";
import type { Opening } from "./opening.ts";
import { firstModel, type Model, type ModelSeed } from "./model.ts";
import { benchOf, type Performer, performer } from "./perform.ts";
import { createStore, type Store } from "./store.ts";
import { summaryLines } from "./summary.ts";
import { holdTerminal, type InkInput, inkInput, isColourless, settleColours, sizeOf } from "./terminal.ts";

export interface TuiOptions {
  readonly workbench: Workbench;
  readonly start?: { readonly kind: "session"; readonly session: Session } | { readonly kind: "start" };
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly clock: Clock;
  readonly env: NodeJS.ProcessEnv;
  readonly altScreen: boolean;
  /** What was drawn while the workbench was made: it is drawn over. */
  readonly opening?: Opening;
  /** How this program was started, so that every command that is shown works in the same shell; `holdfast` unless told. */
  readonly started?: Started;
  /** The command that resumes a run; made from `started` unless told. */
  readonly resumeCommand?: (run: RunId) => string;
}

export interface TuiEnd {
  readonly exit: ExitName;
  /** For the normal screen, once this one is gone. */
  readonly summary: readonly string[];
  /** What was thrown, when drawing or the screens' own code failed: its stack belongs in a file. */
  readonly bug?: unknown;
}

const tickMs = 1000;
const localEveryMs = 100;
const sshEveryMs = 250;
const localEscapeMs = 30;
const sshEscapeMs = 80;

/**
 * Runs the screens on a real terminal until the operator leaves, and restores it. Needs `stdin.isTTY`. The run does not depend on it: a lost
 * terminal or a crash of the drawing pauses the run at its next safe point, and this settles when the run has let go.
 */
export async function runTui(options: TuiOptions): Promise<TuiEnd> {
  const { stdin, stdout } = options;
  const tui = joined(options);
  const { store, pump, input } = tui;
  const told = (why: string) => store.dispatch({ kind: "told-to-stop", why });
  options.opening?.handOver();
  const release = holdTerminal({
    stdin,
    stdout,
    onBytes: (bytes) => pump.feed(bytes),
    onResize: () => store.dispatch({ kind: "resized", size: sizeOf(stdout) }),
    onInterrupt: () => store.dispatch({ kind: "key", key: { kind: "named", name: "ctrl-c" } }),
    onLost: told,
  });
  if (options.start?.kind === "session") tui.performing.follow(options.start.session);
  const ticking = setInterval(() => store.dispatch({ kind: "ticked" }), tickMs);
  const drawn = await drawnFrom({ kind: "store", store }, input, options, tui.onBug);
  const exit = await tui.finished;
  clearInterval(ticking);
  pump.stop();
  await drawn.unmount();
  tui.performing.stop();
  release();
  return endOf(store.get(), exit, tui.bug());
}

interface Joined {
  readonly store: Store;
  readonly performing: Performer;
  readonly pump: KeyPump;
  readonly input: InkInput;
  readonly finished: Promise<ExitName>;
  onBug(this: void, error: unknown): void;
  bug(): unknown;
}

/** The store, the pump that feeds it, and what carries out its commands. */
function joined(options: TuiOptions): Joined {
  const { workbench, clock, env } = options;
  const remote = env.SSH_CONNECTION !== undefined;
  const finished = Promise.withResolvers<ExitName>();
  const input = options.opening?.input ?? inkInput();
  let bug: unknown;
  const onBug = (error: unknown) => {
    bug ??= error;
    void performing.letGo("the screen failed").then(() => finished.resolve("bug"));
  };
  const store: Store = createStore(
    firstModel(seedOf(options)),
    () => clock.now(),
    (command) => performing.perform(command),
    onBug,
  );
  const onKey = (key: Key) => {
    const bytes = bytesForInk(store.get(), key);
    if (bytes === null) store.dispatch({ kind: "key", key });
    else input.write(bytes);
  };
  const pump = keyPump(onKey, remote ? sshEscapeMs : localEscapeMs);
  const performing: Performer = performer({
    workbench,
    clock,
    everyMs: remote ? sshEveryMs : localEveryMs,
    exit: finished.resolve,
    dispatch: store.dispatch,
    drain: pump.drain,
  });
  return { store, performing, pump, input, finished: finished.promise, onBug, bug: () => bug };
}

/** Over the opening where there is one, else anew. */
async function drawnFrom(content: Content, input: InkInput, options: TuiOptions, onBug: OnCrash): Promise<Drawn> {
  const { opening, env, stdout, altScreen } = options;
  if (opening !== undefined) {
    opening.drawn.show(content, onBug);
    return opening.drawn;
  }
  settleColours(env);
  const { mount } = await import("./mount.tsx");
  return mount(content, input, { stdout, altScreen }, onBug);
}

function seedOf(options: TuiOptions): ModelSeed {
  const { workbench, stdout, clock, env } = options;
  const { operator, host } = workbench.person;
  const started = options.started ?? { program: "holdfast" };
  return {
    size: sizeOf(stdout),
    now: clock.now(),
    who: `${operator}@${host}`,
    journalFile: workbench.journalFile,
    plainCursor: isColourless(env),
    altScreen: options.altScreen,
    resumeCommand: options.resumeCommand ?? ((run) => resumeCommand(run, started)),
    pasteable: (command) => pasteable(command, started),
    bench: benchOf(workbench),
  };
}

function endOf(model: Model, exit: ExitName, bug: unknown): TuiEnd {
  const resume = model.run === null ? "" : model.resumeCommand(model.run.run);
  const summary = summaryLines(model.run, model.end, resume);
  if (bug === undefined) return { exit, summary, ...(model.end?.bug === undefined ? {} : { bug: model.end.bug }) };
  const record = faultRecord(bug);
  return { exit, bug, summary: [`${record.code}  The screen failed: ${record.message}`, ...summary] };
}
