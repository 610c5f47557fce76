import { utc } from "../../core/clock.ts";
import type { Incident, Proof, ProvedTable, Seeded } from "../../engines/rehearse.ts";
import { count, plural } from "../../words/format.ts";

export function seededLines({ tables, tookMs }: Seeded): readonly string[] {
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  const list = tables.map(({ table, rows: n }) => `${table} ${count(n)}`).join(", ");
  return [
    `The shop is open: ${plural(rows, "row")} in ${(tookMs / 1000).toFixed(1)} s (${list}). Customers are buying.`,
  ];
}

export function incidentLines(incident: Incident): readonly string[] {
  return [
    `${utc(incident.at)}  Somebody ran:  ${incident.statement}`,
    `  and meant:  ${incident.meant}`,
    `  It took ${plural(incident.rows, "row")} of ${incident.table}, and all that hangs on them. It is committed.`,
    `  For now the dead rows are kept by ${incident.keptBy}.`,
  ];
}

export function proofLines(proof: Proof): readonly string[] {
  const verdict = proof.equal
    ? "Proved: every row is what it was before the DELETE, or what traffic made of it since."
    : "NOT PROVED: there are rows that are not what they ought to be.";
  return ["", "Every row against what was noted before the DELETE:", ...proof.tables.map(tableLine), verdict];
}

function tableLine(proved: ProvedTable): string {
  const { table, expected, byTraffic, digests } = proved;
  const sign = digests.noted === digests.found ? "=" : "is not";
  const traffic = byTraffic > 0 ? ` (${count(byTraffic)} of traffic's)` : "";
  const parts = [`  ${table}: ${plural(expected, "row")}${traffic}, content ${digests.noted} ${sign} ${digests.found}`];
  return [...parts, ...wrongs(proved)].join(", ");
}

function wrongs({ missing, different, unexpected, byTriggers }: ProvedTable): readonly string[] {
  const said = [
    [missing, "missing"],
    [different, "different"],
    [unexpected - byTriggers, "that nobody can explain"],
    [byTriggers, "written by the trigger that you let fire"],
  ] as const;
  return said.filter(([n]) => n > 0).map(([n, words]) => `${plural(n, "row")} ${words}`);
}
