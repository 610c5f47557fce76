import { spawnSync } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, renameSync, rmSync } from "node:fs";
import path from "node:path";
import { Fault } from "../../../../core/errors.ts";
import type { RunId } from "../../../../core/ids.ts";
import type { LeaseKeeper } from "../../../../core/lease.ts";
import type { HoldPart } from "../../../engine.ts";
import type { Connection } from "../../connection.ts";
import { dataFolder, reachableBinaries, serverAccount } from "../../server/account.ts";
import { findServerBinaries, type ServerBinaries } from "../../server/binaries.ts";
import { folderOfLease, folderOfRun, folderPart } from "../../server/folder-lease.ts";
import {
  initCluster,
  noChecksums,
  type PrivateServer,
  removeServer,
  startServer,
  serverEnv,
} from "../../server/private-server.ts";
import { makeScratchRoot } from "../../server/scratch-root.ts";
import type { PostgresTarget } from "../../target.ts";
import { presetsFiles, schemaStatements } from "./schema.ts";
import type { Shapes } from "./shapes.ts";

export function scratchFolder(target: PostgresTarget, run: RunId): string {
  return folderOfRun(target, prefix, run);
}

const prefix = "pg-";

/** The throw-away server's folder on this machine. */
export function scratchPart(target: PostgresTarget, run: RunId): HoldPart {
  const folder = scratchFolder(target, run);
  return folderPart(target, folder, {
    kind: "scratch-server",
    words: `A throw-away PostgreSQL in ${folder}, reached by its own socket only.`,
    costs: "Disk space for the pages that hold lost rows.",
    byHand: `rm -r ${folder}`,
  });
}

/** Found by its folder; given back by ending its server, then removing the folder. */
export function scratchKeeper(target: PostgresTarget): LeaseKeeper {
  return {
    find: (lease) => Promise.resolve(existsSync(folderOfLease(target, prefix, lease)) ? "present" : "absent"),
    release: (lease) => removeServer(folderOfLease(target, prefix, lease)),
  };
}

const throwAway = {
  fsync: "off",
  full_page_writes: "off",
  synchronous_commit: "off",
  autovacuum: "off",
  wal_level: "minimal",
  max_wal_senders: "0",
  max_wal_size: "4GB",
  shared_buffers: "64MB",
  work_mem: "64MB",
  maintenance_work_mem: "128MB",
  jit: "off",
  max_connections: "20",
};

/** An empty server with production's tables under production's ids, stopped again; where each table's file belongs. */
export async function prepareScratch(
  target: PostgresTarget,
  folder: string,
  major: number,
  shapes: Shapes,
): Promise<{ readonly binaries: ServerBinaries; readonly files: ReadonlyMap<number, string> }> {
  const root = makeScratchRoot(target.request.machine.scratch);
  const found = await findServerBinaries(major, target.request.machine.serverBinaries);
  const binaries = reachableBinaries(found, root);
  await initCluster(binaries, folder, ["-E", shapes.encoding, "--locale=C", ...(await noChecksums(binaries))]);
  const server = await startServer({ binaries, folder, settings: throwAway, binaryUpgrade: true });
  try {
    return { binaries, files: await makeTables(server, shapes) };
  } finally {
    await server.stop("fast");
  }
}

async function makeTables(server: PrivateServer, shapes: Shapes): Promise<ReadonlyMap<number, string>> {
  const connection = await server.connect("postgres");
  try {
    await refuseUnreadable(connection, shapes);
    const { files } = await connection.row("asking what can be chosen here", `SELECT (${presetsFiles})::text AS files`);
    for (const statement of schemaStatements(shapes.tables, shapes.types, files === "true"))
      await connection.run("making the tables in the scratch server", statement);
    const rows = await connection.rows(
      "asking where the tables lie",
      `SELECT oid::text, pg_relation_filepath(oid) AS path FROM pg_class WHERE oid = ANY ($1::text[]::oid[])`,
      [shapes.tables.flatMap(({ oid, toast }) => (toast === null ? [oid] : [oid, toast.oid])).map(String)],
    );
    return new Map(rows.map((row) => [Number(row.oid), row.path ?? ""]));
  } finally {
    await connection.close();
  }
}

/** Values that this build of the server could not open. */
async function refuseUnreadable(connection: Connection, shapes: Shapes): Promise<void> {
  const columns = shapes.tables.flatMap((table) =>
    table.columns.filter(({ lz4, dropped }) => lz4 && !dropped).map(({ name }) => `${table.table}.${name}`),
  );
  if (columns.length === 0) return;
  const sql = "SELECT ('lz4' = ANY (enumvals))::text AS lz4 FROM pg_settings WHERE name = 'default_toast_compression'";
  const known = await connection.row("asking what the scratch server can open", sql);
  if (known.lz4 === "true") return;
  throw new Fault(
    "HF-PG-TRANSPLANT-CLOSED",
    `this machine's PostgreSQL can't open values compressed by lz4: ${columns.join("; ")}`,
    {
      exit: "environment",
      still: "Nothing was changed on the target.",
      hint: "Name server programs that were built with lz4 under scratch.servers in holdfast.yaml.",
    },
  );
}

/** Puts the pages where the stopped server looks for them. */
export function placeFiles(folder: string, relative: string, parts: readonly string[]): void {
  const to = path.join(dataFolder(folder), relative);
  for (const [nth, part] of parts.entries()) placeFile(part, nth === 0 ? to : `${to}.${nth}`);
}

/** The server's account itself makes the file in its folder, from what we hand it open; where that account is ours, a rename will do. */
function placeFile(part: string, to: string): void {
  const { uid, prefix } = serverAccount();
  const stale = [`${to}_vm`, `${to}_fsm`];
  if (uid === process.getuid?.()) {
    mkdirSync(path.dirname(to), { recursive: true });
    for (const fork of stale) rmSync(fork, { force: true });
    return renameSync(part, to);
  }
  const script = 'mkdir -p "$(dirname "$1")" && rm -f "$1" "$2" "$3" && cat > "$1"';
  const [program, ...words] = [...prefix, "sh", "-c", script, "sh", to, ...stale] as unknown as [string, ...string[]];
  const source = openSync(part, "r");
  const { status, stderr } = spawnSync(program, words, {
    stdio: [source, "ignore", "pipe"],
    cwd: "/",
    env: serverEnv(),
  });
  closeSync(source);
  rmSync(part, { force: true });
  if (status === 0) return;
  throw new Fault("HF-PG-TRANSPLANT-PLACE", "pages could not be placed in the scratch server's folder", {
    exit: "environment",
    still: "The target was not touched by this.",
    cause: stderr.toString().trim(),
    hint: "Free disk space is the usual reason.",
  });
}

/** The server with the rows in it. */
export async function startFilled(binaries: ServerBinaries, folder: string, shapes: Shapes): Promise<PrivateServer> {
  const server = await startServer({ binaries, folder, settings: throwAway });
  try {
    const connection = await server.connect("postgres");
    for (const { toast, oid } of shapes.tables)
      if (toast !== null) await connection.run("indexing long values", `REINDEX TABLE pg_toast.pg_toast_${oid}`);
    await connection.close();
    return server;
  } catch (error) {
    await server.stop("immediate");
    throw error;
  }
}
