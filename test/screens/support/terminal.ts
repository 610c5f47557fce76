import { PassThrough, Writable } from "node:stream";
import { setTimeout as wait } from "node:timers/promises";
import xterm from "@xterm/headless";
import { systemClock } from "../../../src/core/clock.ts";
import { runTui, type TuiEnd, type TuiOptions } from "../../../src/screens/app.tsx";
import type { Size } from "../../../src/screens/model.ts";

export interface FakeTerminal {
  readonly end: Promise<TuiEnd>;
  readonly stdin: PassThrough & { raw: boolean[] };
  /** All bytes that went out. */
  bytes(): string;
  /** The cells as an eye sees them. */
  lines(): readonly string[];
  /** Rows that have scrolled away. */
  scrolled(): number;
  send(bytes: string): Promise<void>;
  /** Polls for a text; fails with the screen as it stands. */
  see(text: string | RegExp): Promise<void>;
  resize(size: Size): Promise<void>;
  lose(): void;
}

/** The real app on streams that a terminal emulator reads: everything but the kernel's part of a terminal. */
export function onTerminal(
  options: Pick<TuiOptions, "workbench" | "start">,
  size: Size = { columns: 100, rows: 30 },
  env: NodeJS.ProcessEnv = {},
): FakeTerminal {
  const screen = new xterm.Terminal({
    cols: size.columns,
    rows: size.rows,
    allowProposedApi: true,
    convertEol: true,
    scrollback: 1000,
  });
  let out = "";
  let broken = false;
  const stdout = Object.assign(
    new Writable({
      write(chunk: Buffer, _encoding, done) {
        if (broken) return done(Object.assign(new Error("write EIO"), { code: "EIO" }));
        out += chunk.toString();
        screen.write(chunk, () => done());
      },
    }),
    { isTTY: true, columns: size.columns, rows: size.rows },
  );
  const stdin = Object.assign(new PassThrough(), {
    isTTY: true,
    raw: [] as boolean[],
    setRawMode: (on: boolean) => stdin.raw.push(on),
    ref: () => stdin,
    unref: () => stdin,
  });
  const tui = runTui({
    ...options,
    clock: systemClock,
    env,
    altScreen: true,
    stdin: stdin as never,
    stdout: stdout as never,
  });
  const lines = () =>
    Array.from(
      { length: screen.rows },
      (_, y) => screen.buffer.active.getLine(y + screen.buffer.active.viewportY)?.translateToString(true) ?? "",
    );
  return {
    end: tui,
    stdin: stdin as never,
    bytes: () => out,
    lines,
    scrolled: () => screen.buffer.active.baseY,
    async send(bytes) {
      stdin.write(bytes);
      await wait(60);
    },
    async see(text) {
      const deadline = Date.now() + 4000;
      for (;;) {
        const shown = lines().join("\n");
        if (typeof text === "string" ? shown.includes(text) : text.test(shown)) return;
        if (Date.now() > deadline) throw new Error(`not seen: ${String(text)}\n${shown}`);
        await wait(20);
      }
    },
    async resize({ columns, rows }) {
      screen.resize(columns, rows);
      Object.assign(stdout, { columns, rows });
      stdout.emit("resize");
      await wait(150);
    },
    lose() {
      broken = true;
      stdin.destroy(Object.assign(new Error("read EIO"), { code: "EIO" }));
    },
  };
}
