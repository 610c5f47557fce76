import { execa } from "execa";
import { existsSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { root } from "../support/source.ts";
import { questionSettlesMs } from "../support/terminal.ts";
import { type Desk, runOn, type Shop, startShop } from "./world.ts";

const { failed: missing } = await execa("tmux", ["-V"], { reject: false });
const required = (process.env.HOLDFAST_REQUIRE ?? "").split(",").includes("tmux");
if (missing) console.warn("SKIPPED: tmux is not there (apt-get install tmux); nothing is proved about it here");

let shop: Shop;
beforeAll(async () => {
  if (!missing) shop = await startShop();
});
afterAll(() => shop?.end());

/** A tmux of its own, 100 by 30, with the program as the only thing in its only pane. */
async function tmuxAt(desk: Desk, args: readonly string[]) {
  const socket = path.join(desk.folder, "tmux");
  const tmux = async (...words: readonly string[]) => {
    const { stdout } = await execa("tmux", ["-f", "/dev/null", "-S", socket, ...words], {
      env: { ...desk.env, TERM: "xterm-256color" },
      extendEnv: false,
      cwd: desk.folder,
    });
    return stdout;
  };
  onTestFinished(async () => {
    await tmux("kill-server").catch(() => undefined); // it ends with its last pane
  });
  const program = [path.join(root, "node_modules/.bin/node"), path.join(root, "dist/main.js"), ...args];
  await tmux("new-session", "-d", "-x", "100", "-y", "30", ...program);
  const captured = (...how: readonly string[]) => tmux("capture-pane", "-p", ...how);
  return {
    sees: (text: string | RegExp) => expect.poll(() => captured(), { timeout: 60_000, interval: 50 }).toMatch(text),
    captured,
    press: async (...keys: readonly string[]) => {
      await new Promise((resolve) => setTimeout(resolve, questionSettlesMs));
      for (const key of keys) await tmux("send-keys", key);
    },
    pid: async () => Number(await tmux("display-message", "-p", "#{pane_pid}")),
    kill: () => tmux("kill-pane"),
  };
}

describe("in tmux", () => {
  it.skipIf(missing && !required)(
    "colours and keys work, and a pane that is killed in the merge leaves a run that is gone on with",
    async () => {
      expect(missing, "HOLDFAST_REQUIRE names tmux, and it is not there").toBe(false);
      const desk = await shop.incident();
      const tmux = await tmuxAt(desk, runOn());
      await tmux.sees("g goes ahead.");
      // oxlint-disable-next-line no-control-regex -- escape sequences are what this is about
      expect(await tmux.captured("-e")).toMatch(/^(\u001B\[[0-9;]+m)+!! PRODUCTION !!/);
      await tmux.press("g");
      await tmux.sees(/STEPS \d+, \d+/);
      await tmux.press("v");
      await tmux.sees(/^LEASES$/m);
      await tmux.press("Escape");
      await tmux.sees(/STEPS \d+, \d+/);
      await tmux.press("NPage", "g");
      await tmux.sees("Type the name of this database");
      const letGo = await desk.holdSecondBatch();
      await tmux.press("NPage", "s", "h", "o", "p", "Enter");
      await tmux.sees("100 of 900 rows");
      const pid = await tmux.pid();
      await tmux.kill();
      await letGo();
      await expect.poll(() => existsSync(`/proc/${pid}`), { timeout: 20_000 }).toBe(false);
      const tty = desk.sit({ args: ["resume"] });
      await tty.goesOn();
      await tty.type("q");
      expect((await tty.leaves()).exit).toBe("ok");
      expect(await desk.wrong()).toEqual([]);
    },
  );
});
