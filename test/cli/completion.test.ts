import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { Shell } from "../../src/cli/completion.ts";
import { openTerminal, type Terminal } from "../support/terminal.ts";
import { shell as commandLineIn } from "./support.ts";

/** Each without its start files, so that only our script speaks; a prompt of ours tells when it listens. */
const started: Readonly<Record<Shell, readonly [string, ...string[]]>> = {
  bash: ["bash", "--norc", "--noprofile", "-i"],
  zsh: ["zsh", "-f", "-i"],
  fish: ["fish", "--no-config", "--interactive", "--init-command", "function fish_prompt; echo -n 'ready> '; end"],
};

const required = (process.env.HOLDFAST_REQUIRE ?? "").split(",");
const folder = mkdtempSync(join(tmpdir(), "holdfast-completion-"));

beforeAll(() => {
  writeFileSync(join(folder, "mine.yaml"), "");
  writeFileSync(join(folder, "journalist"), "");
  mkdirSync(join(folder, "journals"));
});

/** What is typed, then Tab; what stands on the line then. `_` is a mark that is typed after it, to see where the line ends. */
const completed = [
  ["holdfast jou", "holdfast journal _"],
  ["holdfast journal ve", "holdfast journal verify _"],
  ["holdfast journal show --js", "holdfast journal show --json _"],
  ["holdfast demo --inc", "holdfast demo --incident _"],
  ["holdfast demo --incident tr", "holdfast demo --incident truncate _"],
  ["holdfast drill resto", "holdfast drill restore-after-bad-delete _"],
  ["holdfast drill x --incident cas", "holdfast drill x --incident cascade _"],
  ["holdfast init --environment sa", "holdfast init --environment sandbox _"],
  ["holdfast completion z", "holdfast completion zsh _"],
  ["holdfast run resto", "holdfast run restore-after-bad-delete _"],
  ["holdfast run ./mi", "holdfast run ./mine.yaml _"],
  ["holdfast resume --config mi", "holdfast resume --config mine.yaml _"],
  ["holdfast journal list --journal jour", "holdfast journal list --journal journals/"],
  ["holdfast run x --target mi", "holdfast run x --target mi_"],
  ["holdfast journal list ve", "holdfast journal list ve_"],
] as const;

describe.each(Object.keys(started) as readonly Shell[])("in %s", { timeout: 60_000 }, (name) => {
  const missing = !onPath(name);
  if (missing) console.warn(`SKIPPED: no ${name} here; what Tab does in it is not tested`);

  test.skipIf(missing && !required.includes(name))(
    "Tab completes commands, flags, their values, runbooks and files, and nothing where it knows nothing",
    async () => {
      expect(missing, `HOLDFAST_REQUIRE names ${name}, and it is not there`).toBe(false);
      const terminal = await shellWithScript(name);
      for (const [typed, line] of completed) {
        await terminal.type(`${typed}\t${line.endsWith("_") ? "_" : ""}`, 1);
        await terminal.sees(`ready> ${line}`, 10_000);
        await terminal.type("\x15", 50);
        await terminal.seesNot(`ready> ${line}`);
      }
    },
  );

  test.skipIf(missing && !required.includes(name))(
    "nothing that was typed is run by Tab, and the PATH is as it was",
    async () => {
      const terminal = await shellWithScript(name);
      await terminal.type("holdfast run '$(touch ran)' $(touch ran) --se\t", 1);
      await terminal.sees("--set");
      await terminal.type("\x15", 50);
      await terminal.type('echo "path is $PATH"\r', 1);
      await terminal.sees(`path is /usr/bin`);
      expect(existsSync(join(folder, "ran"))).toBe(false);
    },
  );
});

test("the script is made from the command line: every command and flag stands in it, for each shell", async () => {
  const here = commandLineIn({ environment: "sandbox" });
  for (const name of Object.keys(started)) {
    const { out, code } = await here.run("completion", name);
    expect(code).toBe(0);
    for (const word of ["verify", "yes-sandbox", "keep-rescue", "incident", "delete cascade update truncate vacuumed"])
      expect(out, name).toContain(word);
  }
  expect((await here.run("completion", "tcsh")).code).toBe(2);
});

async function shellWithScript(name: Shell): Promise<Terminal> {
  const script = join(folder, `script.${name}`);
  writeFileSync(script, (await commandLineIn({ environment: "sandbox" }).run("completion", name)).out);
  const env = { PATH: "/usr/bin:/bin", HOME: folder, PS1: "ready> ", LANG: "C.UTF-8" };
  const terminal = openTerminal({
    program: started[name],
    args: [],
    columns: 120,
    rows: 30,
    cwd: folder,
    env,
    bare: true,
  });
  onTestFinished(() => terminal.kill("SIGKILL"));
  await terminal.sees("ready> ");
  await terminal.type(`source ${script}\r`, 1);
  await terminal.type("echo the script was read | tr a-z A-Z\r", 1);
  await terminal.sees("THE SCRIPT WAS READ");
  await terminal.type("\x0c", 100);
  return terminal;
}

function onPath(program: string): boolean {
  try {
    execFileSync("/bin/sh", ["-c", `PATH=/usr/bin:/bin; command -v ${program}`]);
    return true;
  } catch {
    return false;
  }
}
