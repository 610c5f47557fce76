import { lchownSync, lstatSync, readdirSync, readlinkSync, symlinkSync } from "node:fs";
import path from "node:path";
import { Fault } from "../../../../core/errors.ts";
import type { ServerAccount } from "../../server/account.ts";

/** Links to the tablespaces, made by us: the backup's own say where production has them. */
export function linkSpaces(data: string, spaces: string, ids: readonly string[]): void {
  for (const id of ids) symlinkSync(path.join(spaces, id), path.join(data, "pg_tblspc", id));
}

/** Every entry below is a folder or a regular file of its own, but for our links to our tablespaces. Fault `HF-CLONE-LEADS-OUT`. */
export function proveInside(folder: string, data: string, spaces: string): void {
  for (const place of entriesBelow(folder)) {
    const found = lstatSync(place);
    if (found.isDirectory() || (found.isFile() && found.nlink === 1)) continue;
    const ours = path.join(spaces, path.basename(place));
    const isOurs = path.dirname(place) === path.join(data, "pg_tblspc");
    if (found.isSymbolicLink() && isOurs && readlinkSync(place) === ours && lstatSync(ours).isDirectory()) continue;
    throw new Fault("HF-CLONE-LEADS-OUT", `${place} would lead the clone out of its folder`, {
      exit: "refused",
      still: "The clone was not started; the target was not touched.",
      hint: "Report this, with how the backup was made.",
    });
  }
}

/** Gives the tree to the server's account; from here on nothing of ours is written in it. The root of it comes last. */
export function giveTo(account: ServerAccount, folder: string): void {
  if (account.uid === process.getuid?.()) return;
  for (const place of entriesBelow(folder)) lchownSync(place, account.uid, account.gid);
  lchownSync(folder, account.uid, account.gid);
}

function* entriesBelow(folder: string): Generator<string> {
  for (const name of readdirSync(folder)) {
    const place = path.join(folder, name);
    yield place;
    if (lstatSync(place).isDirectory()) yield* entriesBelow(place);
  }
}
