import { Fault } from "../../../../core/errors.ts";
import type { Connection } from "../../connection.ts";
import { findServerBinaries } from "../../server/binaries.ts";
import type { PostgresTarget } from "../../target.ts";
import { change, type Closed, closedBy } from "../closed.ts";
import { majorVersion } from "../server.ts";

/** Null where this machine has the programs that a throw-away server of the target's version needs. */
export async function programsMissing(target: PostgresTarget, connection: Connection): Promise<Closed | null> {
  const major = await majorVersion(connection);
  try {
    await findServerBinaries(major, target.request.machine.serverBinaries);
    return null;
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return { ...closedBy(error), change: change("config", `scratch: { servers: { "${major}": FOLDER } }`) };
  }
}
