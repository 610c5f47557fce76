import type { Finding } from "../../../core/step.ts";
import type { Examination } from "../../evidence.ts";
import type { TableName } from "../../inspect.ts";
import type { Connection } from "../connection.ts";
import { keptElsewhere } from "../inspect/publications.ts";
import { markerState } from "../marker/state.ts";
import { mergeFindings } from "../merge/refusals.ts";
import type { PostgresTarget } from "../target.ts";
import { type ClosureTable, closureOf, stored } from "./closure.ts";
import { machineFindings, pinFindings, serverFindings } from "./probes.ts";
import { enterable, rightsFindings } from "./rights.ts";
import { accidentalHolders, ageFindings, holderFindings, pinsOfRuns, vacuumFindings } from "./threats.ts";
import { finding, number, size } from "./say.ts";

/** What a DELETE in the table reaches, what threatens the evidence, and whether it can be held. Catalogue and statistics only. */
export async function examineTable(target: PostgresTarget, table: TableName): Promise<Examination> {
  const connection = await target.catalogue();
  const tables = await closureOf(connection, table);
  const holders = await accidentalHolders(connection);
  const pins = await pinsOfRuns(connection, target.request.session.run);
  const findings: Finding[] = [
    ...(await serverFindings(connection)),
    ...(await rightsFindings(
      connection,
      tables.map(({ table: name }) => name),
      target.request.backup !== undefined || target.request.dump !== undefined,
    )),
    ...(await markerFindings(connection)),
    ...(await subscriberFindings(connection, tables)),
    ...(await pinFindings(connection)),
    ...(await ageFindings(connection, tables)),
    ...holderFindings(holders, pins, tables),
    ...(await vacuumFindings(connection, tables)),
    ...(await machineFindings(target, connection)),
    ...(await mergeFindings(
      target,
      await enterable(
        connection,
        stored(tables).map(({ table: name }) => name),
      ),
    )),
  ];
  const held = stored(tables);
  const bytes = held.reduce((sum, one) => sum + one.bytes, 0);
  findings.push(
    finding(
      "note",
      `${number(held.length)} ${held.length === 1 ? "table" : "tables"} with ${size(bytes)} can be hit by a DELETE in ${tables[0]?.table ?? table}.`,
    ),
  );
  for (const one of held.filter(({ heap }) => !heap))
    findings.push(finding("warn", `${one.table} is not kept by the access method heap: its dead rows can't be read.`));
  return {
    table: tables[0]?.table ?? table,
    tables: tables.map(({ table: name, aboutRows, bytes: held_, why }) => ({
      table: name,
      aboutRows,
      bytes: held_,
      why,
    })),
    findings,
    holders: [...holders, ...pins.flatMap(({ own, words }) => (own ? [] : [words]))],
  };
}

/** Where the marker table can't be made or used nothing can be merged: that is said before anything is held. */
async function markerFindings(connection: Connection): Promise<readonly Finding[]> {
  const state = await markerState(connection);
  if (state.kind !== "barred") return [];
  const [text = "", grants] = state.why.split(/ (?=The DBA may run: )/);
  return [finding("stop", text, grants)];
}

/** Rows that come back go out to whoever subscribes: to one that never lost them, each is a second one, and its apply stops there. */
async function subscriberFindings(
  connection: Connection,
  tables: readonly ClosureTable[],
): Promise<readonly Finding[]> {
  const kept = await keptElsewhere(
    connection,
    tables.map(({ table }) => table),
  );
  return kept.map(({ publication, table, opens }) =>
    finding(
      "stop",
      `The publication ${publication} sends inserts into ${table} out, and no deletes: a subscriber still has the rows, and would stop on each that comes back.`,
      `Leave it out for the while: ${opens} Afterwards add it again, and refresh the subscription WITH (copy_data = false).`,
    ),
  );
}
