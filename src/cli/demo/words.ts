import { utc } from "../../core/clock.ts";
import type { Incident, IncidentKind, Proof, ProvedTable, Seeded } from "../../engines/rehearse.ts";
import { count, plural } from "../../words/format.ts";

export function seededLines({ tables, tookMs }: Seeded): readonly string[] {
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  const list = tables.map(({ table, rows: n }) => `${table} ${count(n)}`).join(", ");
  return [
    `The shop is open: ${plural(rows, "row")} in ${(tookMs / 1000).toFixed(1)} s (${list}). Customers are buying.`,
  ];
}

/** `left`: by an earlier demo, whose server has been stopped since. */
export function incidentLines(incident: Incident, told: "now" | "left" = "now"): readonly string[] {
  return [
    `${utc(incident.at)}  Somebody ran:  ${incident.statement}`,
    `  and meant:  ${incident.meant}`,
    ...tookLines(incident, told),
  ];
}

/** Said once, before the screens take the window: where it can be read again. */
export const whereItStands = "  Noted in the run: v (details) on the screens shows it again, under NOTES.";

/** The same as one line, for the run's notes. */
export function storyNote(incident: Incident): string {
  const [ran, meant, ...rest] = incidentLines(incident).map((line) => line.trim().replaceAll(/\s+/g, " "));
  return `${ran}; ${meant}. ${rest.join(" ")}`;
}

function tookLines({ kind, rows, table, keptBy }: Incident, told: "now" | "left"): readonly string[] {
  const took = `  It took ${plural(rows, "row")} of ${table}, and all that hangs on them. It is committed.`;
  switch (kind) {
    case "delete":
      if (told === "left")
        return [took, `  What kept the dead rows at first (${keptBy ?? "nothing"}) ended with that demo.`];
      return [took, `  For now the dead rows are kept by ${keptBy ?? "nobody"}.`];
    case "vacuumed":
      return [
        took,
        "  Nothing kept the dead rows: VACUUM came (run here in autovacuum's place) and removed them from their pages.",
        "  What is left is the server's log, and a base backup from before with the log archived since.",
      ];
    case "truncate":
      return [
        `  It emptied ${table}, ${plural(rows, "row")}, and every table that refers to it. It is committed.`,
        "  TRUNCATE leaves no dead rows: the tables have new, empty files.",
        "  What is left is a base backup from before, with the log archived since.",
      ];
  }
}

/** Of a demo that was left: its incident stays, whatever was asked for. */
export function goingOnLines(kind: IncidentKind, asked: IncidentKind | null): readonly string[] {
  const going = "An earlier demo is not finished: going on with it.";
  if (asked === null || asked === kind) return [going];
  return [
    going,
    `  Its incident is ${kind}, not ${asked}. To give it up and begin ${asked}: --fresh --incident ${asked}`,
  ];
}

export function proofLines(proof: Proof, kind: IncidentKind): readonly string[] {
  const what = kind === "truncate" ? "TRUNCATE" : "DELETE";
  const verdict = proof.equal
    ? `Proved: every row is what it was before the ${what}, or what traffic made of it since.`
    : "NOT PROVED: there are rows that are not what they ought to be.";
  return ["", `Every row against what was noted before the ${what}:`, ...proof.tables.map(tableLine), verdict];
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
