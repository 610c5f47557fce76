import { existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { execa } from "execa";
import type { Backup } from "../../../engine.ts";
import type { Connection } from "../../connection.ts";
import { makeScratchRoot } from "../../server/scratch-root.ts";
import { onScratch } from "../scratch-files.ts";
import { lsnNumber } from "./position.ts";
import { pageBytes, type Segment, segmentHead, segmentName, segmentOf } from "./segments.ts";
import { fileBytes, type LogFiles } from "./server-log.ts";

/** Where the log since the backup is read from: the archive, what came with the backup, and the server itself for what is not archived yet. */
export interface LogSource {
  readonly segmentBytes: number;
  readonly timeline: number;
  /** What the server had written when this was made. */
  readonly end: bigint;
  readonly system: string;
  /**
   * The nth copy; without a number the one that was asked for last, so that a damaged one is not taken again. Null where there is no
   * further one: a file of another server or size counts as none.
   */
  read(segment: Segment, copy?: number): Promise<Buffer | null>;
  /** Why a copy of the file that is there could not be read: the system's word for it (EACCES); null where none was refused. */
  refused(segment: Segment): string | null;
}

export interface LogPlaces {
  readonly backup: Backup;
  /** The clone's folder: what a program fetches lies for a moment in one beside it, ours alone, that its lease finds. */
  readonly scratch: string;
}

export async function logSource(connection: Connection, { backup, scratch }: LogPlaces): Promise<LogSource> {
  const row = await connection.row("asking for the log", serverSql);
  const segmentBytes = Number(row.bytes);
  const system = row.system ?? "";
  const refused = new Map<string, string>();
  const inFolder = (folder: string) => async (name: string) => {
    const found = fileAt(path.join(folder, name), segmentBytes);
    if (typeof found === "string") refused.set(name, found);
    return typeof found === "string" ? null : found;
  };
  const places: ((name: string) => Promise<Buffer | null>)[] = [
    inFolder(path.join(backup.base, "pg_wal")),
    backup.log.kind === "folder" ? inFolder(backup.log.folder) : fetching(backup.log.argv, scratch, segmentBytes),
    async (name) => onServer(connection, name, segmentBytes),
  ];
  const taken = new Map<string, number>();
  return {
    segmentBytes,
    timeline: Number(row.timeline),
    end: lsnNumber(row.end ?? "0/0"),
    system,
    refused: (segment) => refused.get(segmentName(segment, segmentBytes)) ?? null,
    read: async (segment, copy) => {
      const name = segmentName(segment, segmentBytes);
      const wanted = copy ?? taken.get(name) ?? 0;
      let nth = 0;
      for (const place of places) {
        const bytes = await place(name);
        if (bytes === null || !isOf(bytes, segment, system)) continue;
        if (nth === wanted) {
          taken.set(name, wanted);
          return bytes;
        }
        nth += 1;
      }
      return null;
    },
  };
}

/** Files of this server's log as a folder archive has them: a folder is read ten times as fast as the server gives files. Null without one. */
export async function archivedFiles(connection: Connection, backup: Backup | undefined): Promise<LogFiles | undefined> {
  if (backup?.log.kind !== "folder") return undefined;
  const { folder } = backup.log;
  const { may } = await connection.row("asking what this role may do", maySystem);
  if (may !== "true") return undefined;
  const { system = "" } = await connection.row("asking which server this is", systemSql);
  return (name, size) => {
    const found = fileAt(path.join(folder, name), size);
    const segment = segmentOf(name, size);
    const isOurs = Buffer.isBuffer(found) && segment !== null && isOf(found, segment, system ?? "");
    return Promise.resolve(isOurs ? found : null);
  };
}

const maySystem = "SELECT has_function_privilege('pg_control_system()', 'execute')::text AS may";
const systemSql = "SELECT system_identifier::text AS system FROM pg_control_system()";

const serverSql = `SELECT pg_size_bytes(current_setting('wal_segment_size'))::text AS bytes,
    (SELECT system_identifier::text FROM pg_control_system()) AS system, pg_current_wal_flush_lsn()::text AS end,
    ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint::text AS timeline`;

function isOf(bytes: Buffer, segment: Segment, system: string): boolean {
  const head = segmentHead(bytes.subarray(0, pageBytes));
  return head !== null && head.system === system && head.start === segment.start;
}

/** A file of another size is still being copied, or packed. A word where it is there and can't be read. */
function fileAt(file: string, bytes: number): Buffer | string | null {
  try {
    const found = lstatSync(file);
    return found.isFile() && found.size === bytes ? readFileSync(file) : null;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    return code === "ENOENT" || code === "ENOTDIR" ? null : code;
  }
}

/** Of the folders beside a clone's, with what a program fetched for it; the process that did follows. */
const fetchMark = "-fetch-";

/** Such folders beside the clone's, of whatever process. */
export function fetchedBeside(clone: string): readonly string[] {
  const root = path.dirname(clone);
  const names = existsSync(root) ? readdirSync(root) : [];
  const mark = `${path.basename(clone)}${fetchMark}`;
  return names.filter((name) => name.startsWith(mark)).map((name) => path.join(root, name));
}

/** How a shell names them all. */
export function fetchedWords(clone: string): string {
  return `${clone}${fetchMark}*`;
}

/**
 * The program of the config, without a shell. Its file is gone again before this returns; a folder is left only by a kill, and goes with the
 * next process of the run that fetches: only one drives it.
 */
function fetching(argv: readonly string[], scratch: string, bytes: number): (name: string) => Promise<Buffer | null> {
  const ours = `${path.resolve(scratch)}${fetchMark}${process.pid}-`;
  return (name) =>
    onScratch(async () => {
      makeScratchRoot(path.dirname(path.resolve(scratch)));
      for (const left of fetchedBeside(path.resolve(scratch)))
        if (!left.startsWith(ours)) rmSync(left, { recursive: true, force: true });
      const folder = mkdtempSync(ours); // entered by nobody else
      const file = path.join(folder, name);
      const [program = "", ...words] = argv.map((word) =>
        word.replaceAll(/%[fp%]/g, (sign) => filled(sign, name, file)),
      );
      try {
        const { failed } = await execa(program, words, { reject: false, stdin: "ignore", timeout: 600_000 });
        const found = failed ? null : fileAt(file, bytes);
        return typeof found === "string" ? null : found;
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    });
}

function filled(sign: string, name: string, file: string): string {
  if (sign === "%%") return "%";
  return sign === "%f" ? name : file;
}

/** The newest files of the log are not archived yet. A role that may not read them has only the archive. */
async function onServer(connection: Connection, name: string, bytes: number): Promise<Buffer | null> {
  const { may } = await connection.row(
    "asking what this role may do",
    `SELECT (has_function_privilege('pg_read_binary_file(text, bigint, bigint, boolean)', 'execute')
         AND has_function_privilege('pg_stat_file(text, boolean)', 'execute'))::text AS may`,
  );
  if (may !== "true") return null;
  const there = await connection.row(
    "looking for a file of the log",
    "SELECT (pg_stat_file('pg_wal/' || $1::text, true)).size::text AS size",
    [name],
  );
  return Number(there.size ?? 0) === bytes ? fileBytes(connection, name, bytes) : null;
}
