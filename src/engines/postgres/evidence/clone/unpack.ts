import { mkdirSync } from "node:fs";
import path from "node:path";
import { execa } from "execa";
import { Fault } from "../../../../core/errors.ts";
import type { Watch } from "../../../engine.ts";
import { type BaseBackup, tarsIn } from "./backup.ts";
import type { Space } from "./inside.ts";

export interface Unpacked {
  readonly base: string;
  readonly spaces: readonly Space[];
}

/**
 * Each archive into an empty folder of its own, by the system's tar: it makes no link that leads out before all else is written, and
 * a name that is absolute or goes up is refused here. Faults `HF-CLONE-UNPACK`, `HF-CLONE-STRANGE-FILE`.
 */
export async function unpack(backup: BaseBackup, into: string, watch: Watch): Promise<Unpacked> {
  const base = path.join(into, "base");
  for (const folder of [into, base, path.join(into, "spaces")]) mkdirSync(folder, { mode: 0o700 });
  const spaces: Space[] = [];
  for (const name of tarsIn(backup.folder)) {
    if (name.startsWith("pg_wal")) continue; // read with the log
    const id = /^\d+/.exec(name)?.[0];
    const to = id === undefined ? base : path.join(into, "spaces", id);
    if (id !== undefined) {
      mkdirSync(to, { mode: 0o700 });
      spaces.push({ id, place: to });
    }
    watch.output(`unpacking ${name}`);
    await unpackOne(path.join(backup.folder, name), to, watch);
  }
  return { base, spaces };
}

async function unpackOne(file: string, to: string, watch: Watch): Promise<void> {
  const words = ["--extract", "--no-same-owner", "--no-same-permissions", "--file", file, "--directory", to];
  const { failed, stderr } = await execa("tar", words, {
    reject: false,
    stdin: "ignore",
    cancelSignal: watch.signal,
    env: { LC_ALL: "C", TAR_OPTIONS: "" },
  });
  watch.signal.throwIfAborted();
  if (/Removing leading|contains '\.\.'/.test(stderr)) throw leadsOut(file);
  if (!failed) return;
  throw new Fault("HF-CLONE-UNPACK", `${path.basename(file)} of the backup could not be unpacked`, {
    exit: "environment",
    still: "The target was not touched by this.",
    cause: stderr.trim().split("\n").at(-1) ?? "",
    hint: "Free disk space is the usual reason.",
  });
}

function leadsOut(file: string): Fault {
  return new Fault("HF-CLONE-STRANGE-FILE", `${file} holds a name that leads out of its folder`, {
    exit: "refused",
    still: "Nothing was written outside of the clone's folder; the target was not touched.",
    hint: "Name a backup under backup.base that PostgreSQL's own tools made.",
  });
}
