import { type ChildProcess, spawn } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import os from "node:os";
import path from "node:path";
import { onTestFinished } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import type { Stamped } from "../../src/core/event.ts";
import { exitCodes } from "../../src/core/exit-codes.ts";
import type { Json } from "../../src/core/json.ts";
import type { Journal } from "../../src/journal/journal.ts";
import { openJournal } from "../../src/journal/open.ts";
import { root } from "./source.ts";

export interface Ended {
  /** The exit code's name in the one table; the number itself where the table has none, or the signal. */
  readonly exit: string;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Started {
  readonly child: ChildProcess;
  /** Settles when the text was printed on stdout or stderr; fails when the program ends before. */
  printed(text: string): Promise<void>;
  readonly ended: Promise<Ended>;
}

interface How {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly node?: string;
  readonly script?: string;
  readonly cwd?: string;
}

/** The real program with a home, a state folder, a scratch folder and a working folder of its own, thrown away after the test. */
export interface Cli {
  readonly folder: string;
  readonly work: string;
  readonly scratch: string;
  readonly journalFolder: string;
  run(args: readonly string[], how?: How): Promise<Ended>;
  start(args: readonly string[], how?: How): Started;
  /** Writes ./holdfast.yaml; `scratch` is ours unless it says otherwise. JSON is YAML. */
  config(config: Readonly<Record<string, Json>>): void;
  /** Of the only run in the journal, or of the newest. */
  events(): readonly Stamped[];
  withJournal<T>(work: (journal: Journal) => T): T;
  /** What of ours is left in the scratch folder; copies of server programs are a cache. */
  leftInScratch(): readonly string[];
}

export const packageNode = path.join(root, "node_modules/.bin/node");
export const mainScript = path.join(root, "dist/main.js");
/** The exact words of a whole headless run, without the table. */
export const headless: readonly string[] =
  "run restore-after-bad-delete --target shop --choose statement=largest --choose path=recommended --yes-sandbox --plain".split(
    " ",
  );

export function aCli(env: Readonly<Record<string, string>> = {}): Cli {
  if (!existsSync(mainScript)) throw new Error("dist/main.js is not there: npm run build");
  const folder = mkdtempSync(path.join(os.tmpdir(), "hf-cli-"));
  // A server of ours under another account has to come in, as root.
  chmodSync(folder, 0o711);
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const [home, state, work, scratch] = ["home", "state", "w", "s"].map((name) => path.join(folder, name));
  if (!home || !state || !work || !scratch) throw new Error("no folders");
  for (const one of [home, state, work]) mkdirSync(one, { mode: 0o700 });
  mkdirSync(scratch, { mode: 0o711 });
  const base = {
    PATH: "/usr/bin:/bin",
    HOME: home,
    XDG_STATE_HOME: state,
    TERM: "xterm-256color",
    LANG: "C.UTF-8",
    ...env,
  };
  const journalFolder = path.join(state, "holdfast");
  const start = (
    args: readonly string[],
    { env: more, cwd = work, node = packageNode, script = mainScript }: How = {},
  ) =>
    started(
      spawn(node, [script, ...args], {
        env: { ...base, ...more },
        cwd,
        stdio: ["ignore", "pipe", "pipe"],
        timeout: 110_000,
        killSignal: "SIGKILL",
      }),
    );
  const withJournal = <T>(use: (journal: Journal) => T): T => {
    const journal = openJournal({ folder: journalFolder, clock: systemClock });
    try {
      return use(journal);
    } finally {
      journal.close();
    }
  };
  return {
    folder,
    work,
    scratch,
    journalFolder,
    start,
    withJournal,
    run: (args, how) => start(args, how).ended,
    config: (config) => {
      const whole = {
        scratch: { folder: scratch },
        stopFile: path.join(folder, "STOP"),
        limits: { minFreeDisk: 0.01 },
        ...config,
      };
      writeFileSync(path.join(work, "holdfast.yaml"), JSON.stringify(whole));
    },
    events: () => withJournal((journal) => journal.read(journal.runs()[0]?.run ?? "")),
    leftInScratch: () => readdirSync(scratch).filter((name) => !name.startsWith("programs-")),
  };
}

function started(child: ChildProcess): Started {
  const said = { stdout: "", stderr: "" };
  const hearers = new Set<() => void>();
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream]?.setEncoding("utf8").on("data", (piece: string) => {
      said[stream] += piece;
      for (const hear of hearers) hear();
    });
  }
  const ended = new Promise<Ended>((resolve) => {
    child.once("close", (code, signal) => resolve({ exit: signal ?? nameOf(code), ...said }));
  });
  const printed = (text: string) =>
    new Promise<void>((resolve, reject) => {
      const hear = () => {
        if (said.stdout.includes(text) || said.stderr.includes(text)) resolve();
      };
      hearers.add(hear);
      hear();
      void ended.then((end) => reject(new Error(`ended before it printed ${text}: ${JSON.stringify(end)}`)));
    });
  return { child, printed, ended };
}

function nameOf(code: number | null): string {
  const found = Object.entries(exitCodes).find(([, exit]) => exit.code === code);
  return found?.[0] ?? String(code);
}

/** Every file below a folder, as bytes read as Latin-1: a search in it finds what is there, text or not. */
export function filesBelow(folder: string): ReadonlyMap<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    files.map((entry) => {
      const file = path.join(entry.parentPath, entry.name);
      return [file, readFileSync(file, "latin1")];
    }),
  );
}
