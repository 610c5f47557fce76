import { chmodSync, chownSync, lstatSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Fault } from "../../../../core/errors.ts";
import type { Watch } from "../../../engine.ts";
import { makeServerFolder, reachableBinaries, type ServerAccount, serverAccount } from "../../server/account.ts";
import { findServerBinaries, type ServerBinaries } from "../../server/binaries.ts";
import { removeServer } from "../../server/private-server.ts";
import { makeScratchRoot } from "../../server/scratch-root.ts";
import type { PostgresTarget } from "../../target.ts";
import { highest } from "../log/least-settings.ts";
import { lsnNumber } from "../log/position.ts";
import { segmentName, segmentsBetween } from "../log/segments.ts";
import type { LogSource } from "../log/source.ts";
import { configText, writeConfig } from "./conf.ts";
import { readControl } from "./control.ts";
import { clonePlaces } from "./folder.ts";
import { giveTo, linkSpaces, proveInside } from "./outside.ts";
import { stageBackup } from "./stage.ts";
import type { Surveyed } from "./survey.ts";

/** A clone that is ready to be started; its folder leads nowhere outside of itself. */
export interface Clone {
  readonly folder: string;
  readonly binaries: ServerBinaries;
  /** The superuser that every cluster has. */
  readonly user: string;
  /** Where replay begins. */
  readonly start: bigint;
  /** Whether a later start may begin where an earlier one ended; else it begins with the backup again. */
  readonly restartpoints: boolean;
}

export interface Replay extends Pick<Clone, "restartpoints"> {
  /** The last position that will be replayed. */
  readonly upTo: bigint;
}

/** Copies backup and log into the folder, anew where an earlier try left something. */
export async function buildClone(
  target: PostgresTarget,
  folder: string,
  surveyed: Surveyed,
  { upTo, restartpoints }: Replay,
  watch: Watch,
): Promise<Clone> {
  const { backup, source, major, log } = surveyed;
  const root = makeScratchRoot(target.request.machine.scratch);
  const found = await findServerBinaries(major, target.request.machine.serverBinaries);
  const account = serverAccount();
  const { data, places } = await emptyFolder(folder, account);
  const ids = await stageBackup({ backup, data, spaces: places.spaces, watch });
  target.request.reached("clone.staged:backup");
  const control = readControl(readFileSync(path.join(data, "global", "pg_control")));
  if (control.system !== source.system) throw otherServer();
  await stageLog(source, surveyed, upTo, places.log, account, watch);
  target.request.reached("clone.staged:log");
  linkSpaces(data, places.spaces, ids);
  writeConfig(data, account, configText(highest([control.least, ...log.least]), places.log, { major, restartpoints }));
  proveInside(folder, data, places.spaces);
  giveTo(account, places.spaces);
  giveTo(account, data);
  makeServerFolder(folder, account);
  const { user } = await (await target.catalogue()).row("asking for the first superuser", firstSuperuser);
  const start = lsnNumber(backup.label.start);
  return { folder, binaries: reachableBinaries(found, root), user: user ?? "", start, restartpoints };
}

const firstSuperuser = "SELECT rolname::text AS user FROM pg_roles WHERE oid = 10";

async function emptyFolder(folder: string, account: ServerAccount) {
  await removeServer(folder);
  const places = clonePlaces(folder);
  const data = path.join(folder, "data");
  mkdirSync(folder, { mode: 0o711 });
  chmodSync(folder, account.uid === process.getuid?.() ? 0o700 : 0o711);
  // Ours until it is complete: as root we must not write where another account could put a link in our way.
  for (const part of [data, places.rows]) mkdirSync(part, { mode: 0o700 });
  mkdirSync(places.log, { mode: 0o750 });
  chownSync(places.log, lstatSync(folder).uid, account.gid);
  return { data, places };
}

/** Every file of the log from the backup's start on, and the one after the last where it is there: a record may reach into it. */
async function stageLog(
  source: LogSource,
  { backup }: Surveyed,
  upTo: bigint,
  folder: string,
  account: ServerAccount,
  watch: Watch,
): Promise<void> {
  const start = lsnNumber(backup.label.start);
  const segments = segmentsBetween(
    backup.label.timeline,
    start,
    upTo + BigInt(source.segmentBytes),
    source.segmentBytes,
  );
  for (const [nth, segment] of segments.entries()) {
    watch.signal.throwIfAborted();
    const bytes = await source.read(segment);
    const name = segmentName(segment, source.segmentBytes);
    if (bytes === null && nth === segments.length - 1) break;
    if (bytes === null) throw logGone(name);
    const file = path.join(folder, name);
    writeFileSync(file, bytes, { flag: "wx", mode: 0o640 });
    chownSync(file, lstatSync(folder).uid, account.gid);
    watch.progress({ done: nth + 1, total: segments.length, unit: "files", note: "the log since the backup" });
  }
}

function otherServer(): Fault {
  return new Fault("HF-CLONE-OTHER-SERVER", "the base backup is of another server than the target", {
    exit: "wrong-target",
    still: "The clone was not started; nothing was changed on the target.",
    hint: "Name this server's own backup under backup.base in holdfast.yaml.",
  });
}

function logGone(name: string): Fault {
  return new Fault("HF-CLONE-LOG", `the log file ${name} is not there any more`, {
    exit: "environment",
    still: "Nothing was changed on the target.",
    hint: "Bring it back into the archive, then retry.",
  });
}
