import { execSync } from "node:child_process";
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
import { expect, onTestFinished, test } from "vitest";
import { cloneKeeper } from "../../../../src/engines/postgres/evidence/clone/folder.ts";
import { logSource } from "../../../../src/engines/postgres/evidence/log/source.ts";

function scratchFolder(): string {
  const made = mkdtempSync(path.join(os.tmpdir(), "hf-fetch-"));
  chmodSync(made, 0o711);
  onTestFinished(() => rmSync(made, { recursive: true }));
  return made;
}

/** A server that has no log of its own to give. */
const answers = { bytes: "16777216", system: "1", end: "0/5000000", timeline: "1", size: null };

async function fetch(scratch: string, lines: string): Promise<void> {
  const script = path.join(scratch, "fetch.sh");
  writeFileSync(script, `#!/bin/sh\n${lines}\n`, { mode: 0o755 });
  const connection = { row: () => Promise.resolve(answers) } as never;
  const backup = { base: "/nowhere", log: { kind: "command", argv: [script, "%f", "%p"] } } as const;
  const source = await logSource(connection, { backup, scratch: path.join(scratch, "clone-x") });
  expect(await source.read({ timeline: 1, start: 0x2000000n })).toBeNull();
}

test("what a program fetches of the log lies where nobody else may enter, and is gone afterwards", async () => {
  const scratch = scratchFolder();
  const seen = path.join(scratch, "seen");
  await fetch(scratch, `umask 0; echo ROW > "$2"; echo more > "$2.part"; stat -c %a "$(dirname "$2")" > ${seen}`);
  expect(readFileSync(seen, "utf8").trim()).toBe("700");
  expect(readdirSync(scratch).toSorted()).toEqual(["fetch.sh", "seen"]);
});

test.runIf(process.getuid?.() === 0)("another account can't read it", async () => {
  const scratch = scratchFolder();
  const seen = path.join(scratch, "seen");
  await fetch(
    scratch,
    `umask 0; echo ROW > "$2"; setpriv --reuid nobody --clear-groups cat "$2" > ${seen} 2>&1; echo end >> ${seen}`,
  );
  expect(readFileSync(seen, "utf8")).not.toContain("ROW");
  expect(readFileSync(seen, "utf8")).toContain("end");
});

test("what a kill leaves of it is found by the clone's lease and given back with it, and nothing of another's", async () => {
  const scratch = scratchFolder();
  const [ours, other] = [path.join(scratch, "clone-x-fetch-a1b2c3"), path.join(scratch, "clone-y-fetch-a1b2c3")];
  for (const folder of [ours, other]) {
    mkdirSync(folder);
    writeFileSync(path.join(folder, "000000010000000000000002"), "rows");
  }
  execSync(`ln -s ${other} ${ours}/way`);
  const keeper = cloneKeeper({ request: { machine: { scratch } } } as never);
  const lease = { name: "clone-x", facts: { folder: path.join(scratch, "clone-x") } } as never;
  expect(await keeper.find(lease)).toBe("present");
  await keeper.release(lease);
  expect(await keeper.find(lease)).toBe("absent");
  expect([existsSync(ours), readdirSync(other)]).toEqual([false, ["000000010000000000000002"]]);
});

test("what a kill left before there was a lease goes with the next process that fetches, and what another run fetches stays", async () => {
  const scratch = scratchFolder();
  for (const name of ["clone-x-fetch-1-a1b2c3", "clone-y-fetch-1-a1b2c3"]) {
    mkdirSync(path.join(scratch, name));
    writeFileSync(path.join(scratch, name, "000000010000000000000002"), "rows");
  }
  await fetch(scratch, "exit 1");
  expect(readdirSync(scratch).toSorted()).toEqual(["clone-y-fetch-1-a1b2c3", "fetch.sh"]);
});
