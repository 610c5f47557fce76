import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, type Stats } from "node:fs";
import path from "node:path";
import { Fault } from "../../../../core/errors.ts";

/** Files that one folder or one archive brings. `unpacked`: they were made by us a moment ago, so no two may be one. */
export interface Brought {
  readonly folder: string;
  readonly unpacked: boolean;
}

/** A tablespace's id, and the folder with its contents. */
export interface Space {
  readonly id: string;
  readonly place: string;
}

/**
 * Proves of every entry below that it is a folder or a file of its own, before any of them is taken. `unread` names entries of the
 * root that are never looked into. Fault `HF-CLONE-STRANGE-FILE`.
 */
export function proveBrought({ folder, unpacked }: Brought, unread: ReadonlySet<string>): void {
  if (!lstatSync(folder).isDirectory()) throw strange(folder);
  for (const name of readdirSync(folder)) {
    if (unread.has(name)) continue;
    const place = path.join(folder, name);
    if (isBeside(place, unpacked)) continue;
    proveOwn(place, unpacked);
  }
}

/** A link beside the data, as one to a certificate: it is left out. What a server can't be without is never such a one. */
export function isBeside(place: string, unpacked: boolean): boolean {
  return !unpacked && lstatSync(place).isSymbolicLink() && !/^(base|global|pg_.*|PG_.*)$/.test(path.basename(place));
}

function proveOwn(place: string, unpacked: boolean): void {
  const found = lstatSync(place);
  if (found.isDirectory()) for (const name of readdirSync(place)) proveOwn(path.join(place, name), unpacked);
  else if (!isOwn(found, unpacked)) throw strange(place);
}

function isOwn(found: Stats, unpacked: boolean): boolean {
  return found.isFile() && (!unpacked || found.nlink === 1);
}

/**
 * Where the tablespaces' contents lie within the backup: a link's text names a place in it, and is never followed. Each that the map
 * or the links name must be there with its files. `packed`: those that had an archive of their own. Fault `HF-CLONE-TABLESPACE`.
 */
export function spacesIn(root: Brought, major: number, packed: readonly Space[]): readonly Space[] {
  const links = path.join(root.folder, "pg_tblspc");
  const found = new Map(packed.map((space) => [space.id, space]));
  for (const id of isThere(links) ? namesIn(links) : []) {
    if (!/^\d+$/.test(id)) throw strange(path.join(links, id));
    if (!found.has(id)) found.set(id, { id, place: placeOf(root.folder, path.join(links, id), id) });
    else if (lstatSync(path.join(links, id)).isDirectory() && namesIn(path.join(links, id)).length > 0)
      throw missing(id, "is in the backup twice");
  }
  for (const id of mapped(root.folder)) if (!found.has(id)) throw missing(id, "is not in the backup");
  const spaces = [...found.values()];
  for (const { id, place } of spaces) {
    if (!hasFiles(place, major)) throw missing(id, `has no files of PostgreSQL ${major} in the backup`);
    proveOwn(place, root.unpacked);
    if (spaces.some((other) => other.id !== id && `${place}/`.startsWith(`${other.place}/`)))
      throw missing(id, "lies in another one");
  }
  return spaces;
}

function isThere(place: string): boolean {
  return lstatSync(place, { throwIfNoEntry: false }) !== undefined;
}

/** Of a real folder only. */
function namesIn(folder: string): readonly string[] {
  if (!lstatSync(folder).isDirectory()) throw strange(folder);
  return readdirSync(folder);
}

function placeOf(root: string, place: string, id: string): string {
  const found = lstatSync(place);
  if (found.isDirectory()) return place;
  if (!found.isSymbolicLink()) throw strange(place);
  const to = path.resolve(path.dirname(place), readlinkSync(place));
  if (isFolderWithin(path.resolve(root), to)) return to;
  throw outside(id, to);
}

/** Every step from the root to the place is a real folder. */
function isFolderWithin(root: string, place: string): boolean {
  if (!place.startsWith(`${root}${path.sep}`)) return false;
  let at = root;
  return place
    .slice(root.length + 1)
    .split(path.sep)
    .every((step) => {
      at = path.join(at, step);
      return lstatSync(at, { throwIfNoEntry: false })?.isDirectory() === true;
    });
}

/** The server names the tablespaces of a backup, one a line: an id, a space, where production has it. */
function mapped(root: string): readonly string[] {
  const file = path.join(root, "tablespace_map");
  if (!existsSync(file)) return [];
  if (!lstatSync(file).isFile()) throw strange(file);
  return [...readFileSync(file, "utf8").matchAll(/^(\d+) /gm)].map(([, id = ""]) => id);
}

function hasFiles(place: string, major: number): boolean {
  return namesIn(place).some(
    (name) => name.startsWith(`PG_${major}_`) && lstatSync(path.join(place, name)).isDirectory(),
  );
}

export function strange(file: string): Fault {
  return new Fault("HF-CLONE-STRANGE-FILE", `${file} in the backup is neither a file nor a folder of its own`, {
    exit: "refused",
    still: "Nothing was started; the target was not touched.",
    hint: "A link inside the data folder may lead to production's own files. Take a backup without it.",
  });
}

function outside(id: string, to: string): Fault {
  return new Fault("HF-CLONE-TABLESPACE", `the backup's tablespace ${id} lies outside of it, in ${to}`, {
    exit: "refused",
    still: "Nothing was started; those files may be production's own and were not touched.",
    hint: "Take the backup in tar format, or put the tablespace's copy into the backup's folder pg_tblspc.",
  });
}

function missing(id: string, what: string): Fault {
  return new Fault("HF-CLONE-TABLESPACE", `the backup's tablespace ${id} ${what}`, {
    exit: "refused",
    still: "Nothing was started: its tables would come out empty.",
    hint: "Put the tablespace's whole copy beside the others of this backup, or name a backup that has it.",
  });
}
