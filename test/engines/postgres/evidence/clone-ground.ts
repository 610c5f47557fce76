import { headStarts } from "../../../../src/engines/head-starts.ts";
import type { Backup, Boundary } from "../../../../src/engines/engine.ts";
import type { Recovered, Statement } from "../../../../src/engines/evidence.ts";
import { evidence, evidenceKeepers } from "../../../../src/engines/postgres/evidence.ts";
import { postgresTarget } from "../../../../src/engines/postgres/target.ts";
import type { ArchivingServer } from "../../../support/backup.ts";
import { requestTo } from "../../../support/request.ts";
import { watch } from "./scene.ts";

/** A target with a backup, and its evidence; everything that it made is given back by `leave`. */
export function cloneGround(
  from: ArchivingServer,
  backup: Backup,
  database = "postgres",
  reached: Boundary = () => undefined,
) {
  const target = postgresTarget(requestTo(from.server, database, { backup, reached }));
  const { run } = target.request.session;
  const { scratch } = target.request.machine;
  const ahead = headStarts<Recovered>();
  const held = evidence(target, ahead);
  const leases: { kind: string; name: string; facts: unknown }[] = [];
  return {
    run,
    target,
    evidence: held,
    scratch,
    leases,
    recover: async (statement: Statement): Promise<Recovered> => {
      for (const part of await held.recoveryParts(statement, "clone", run))
        leases.push({ ...part.lease, facts: await part.take() });
      return held.recover(statement, "clone", run, watch);
    },
    option: async (statement: Statement) =>
      (await held.paths(statement, watch)).find(({ path: name }) => name === "clone"),
    leave: async () => {
      for (const lease of leases) await evidenceKeepers(target, ahead)[lease.kind]?.release(lease as never);
      await target.close();
    },
  };
}

/** As the search would give it. */
export function statementOf(
  transactions: readonly string[],
  tables: readonly string[],
  kind: Statement["kind"] = "one",
): Statement {
  return {
    value: transactions.join("+"),
    kind,
    transactions,
    subtransactions: [],
    at: null,
    until: null,
    rows: 1,
    tables: tables.map((table) => ({ table, rows: 1 })),
    doubts: [],
    who: null,
  };
}
