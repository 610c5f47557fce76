import pty from "@lydell/node-pty";
import xterm from "@xterm/headless";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Cell, cellsOf } from "./cells.ts";
import { root } from "./source.ts";

/** The real program in a real pseudo-terminal, read back as the cells that an eye would see. */
export interface Terminal {
  readonly pid: number;
  /** The rows of the window, without trailing blanks. */
  rows(): readonly string[];
  text(): string;
  /** The same with colours, each row as wide as the window. */
  cells(): readonly (readonly Cell[])[];
  /** Every byte that the program wrote. */
  bytes(): string;
  /** Waits until the screen shows it; the error shows the screen as it stands. */
  sees(text: string | RegExp, withinMs?: number): Promise<void>;
  seesNot(text: string | RegExp, withinMs?: number): Promise<void>;
  /** One key at a time, as fingers do; `gap` in milliseconds. */
  type(keys: string, gap?: number): Promise<void>;
  /** All bytes in one chunk. */
  send(bytes: string): void;
  resize(columns: number, rows: number): void;
  kill(signal: string): void;
  /** Lines above the window: a full-screen program leaves none. */
  scrolled(): number;
  /** Rows that were too wide for the window and went on in the next. */
  wrapped(): readonly string[];
  /** The window is closed, or its connection is lost: nobody reads or types any more. */
  hangUp(): void;
  /** Settles when the program has ended and its last bytes are on the screen. */
  readonly exited: Promise<{ readonly code: number; readonly signal: number }>;
}

export interface TerminalRequest {
  readonly args: readonly string[];
  readonly columns?: number;
  readonly rows?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly program?: readonly [string, ...string[]];
  /** The environment is `env` alone, nothing of ours. */
  readonly bare?: boolean;
}

export const keys = {
  enter: "\r",
  escape: "\x1b",
  up: "\x1b[A",
  down: "\x1b[B",
  pageUp: "\x1b[5~",
  pageDown: "\x1b[6~",
  ctrlC: "\x03",
  backspace: "\x7f",
};

/** Longer than the time for which a fresh question ignores keys. */
export const questionSettlesMs = 450;

const node24 = path.join(root, "node_modules/.bin/node");

export function openTerminal(request: TerminalRequest): Terminal {
  const { columns = 100, rows = 30 } = request;
  const [program, ...words] = request.program ?? [node24, path.join(root, "dist/main.js")];
  const screen = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true, scrollback: 5000 });
  const child = pty.spawn(program, [...words, ...request.args], {
    name: "xterm-256color",
    cols: columns,
    rows,
    cwd: request.cwd ?? root,
    env: request.bare ? { TERM: "xterm-256color", ...request.env } : childEnv(request.env),
  });
  let written = "";
  child.onData((data) => {
    written += data;
    screen.write(data);
  });
  const exited = new Promise<{ code: number; signal: number }>((resolve) => {
    child.onExit(({ exitCode, signal }) => screen.write("", () => resolve({ code: exitCode, signal: signal ?? 0 })));
  });
  const visible = () => Array.from({ length: screen.rows }, (_, row) => line(screen, row));
  const until = async (what: string, holds: () => boolean, withinMs: number) => {
    const end = performance.now() + withinMs;
    while (!holds()) {
      if (performance.now() > end)
        throw new Error(`${what} after ${withinMs} ms. The screen:\n${visible().join("\n")}`);
      await sleep(15);
    }
  };
  const shows = (text: string | RegExp) =>
    typeof text === "string" ? visible().join("\n").includes(text) : text.test(visible().join("\n"));
  return {
    pid: child.pid,
    rows: visible,
    text: () => visible().join("\n"),
    cells: () => cellsOf(screen),
    bytes: () => written,
    sees: (text, withinMs = 30_000) => until(`no ${String(text)}`, () => shows(text), withinMs),
    seesNot: (text, withinMs = 30_000) => until(`still ${String(text)}`, () => !shows(text), withinMs),
    type: async (text, gap = 30) => {
      for (const key of splitKeys(text)) {
        child.write(key);
        await sleep(gap);
      }
    },
    send: (bytes) => child.write(bytes),
    resize: (cols, newRows) => {
      screen.resize(cols, newRows);
      child.resize(cols, newRows);
    },
    kill: (signal) => child.kill(signal),
    scrolled: () => screen.buffer.active.baseY,
    wrapped: () => {
      const { active } = screen.buffer;
      return visible().filter((_, row) => active.getLine(active.baseY + row)?.isWrapped);
    },
    hangUp: () => (child as unknown as { destroy(): void }).destroy(),
    exited,
  };
}

function line(screen: InstanceType<typeof xterm.Terminal>, row: number): string {
  const { active } = screen.buffer;
  return active.getLine(active.baseY + row)?.translateToString(true) ?? "";
}

/** An escape sequence is one key. */
function splitKeys(text: string): string[] {
  // oxlint-disable-next-line no-control-regex
  return text.match(/\x1b\[[0-9;]*[A-Za-z~]|[\s\S]/g) ?? [];
}

/** `CI` would make Ink write one frame only; the others would choose a face for us. */
function childEnv(extra: Readonly<Record<string, string>> = {}): Record<string, string> {
  const dropped = new Set([
    "CI",
    "NO_COLOR",
    "TERM",
    "HOLDFAST_PLAIN",
    "ACCESSIBLE",
    "INK_SCREEN_READER",
    "SSH_CONNECTION",
  ]);
  const kept = Object.entries(process.env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !dropped.has(entry[0]),
  );
  return { ...Object.fromEntries(kept), TERM: "xterm-256color", ...extra };
}
