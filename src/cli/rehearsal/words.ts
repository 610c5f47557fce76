import { utc } from "../../core/clock.ts";
import { isJsonObject, type Json } from "../../core/json.ts";
import type { RunState } from "../../core/run-state.ts";
import type { Incident, IncidentKind, Proof, ProvedTable, Seeded } from "../../engines/rehearse.ts";
import { count, plural } from "../../words/format.ts";

export function seededLines({ tables, tookMs }: Seeded): readonly string[] {
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  const list = tables.map(({ table, rows: n }) => `${table} ${count(n)}`).join(", ");
  return [
    `The shop is open: ${plural(rows, "row")} in ${(tookMs / 1000).toFixed(1)} s (${list}). Customers are buying.`,
  ];
}

/** `left`: by an earlier demo or drill, whose server has been stopped since. */
export function incidentLines(incident: Incident, left?: "demo" | "drill"): readonly string[] {
  return [
    `${utc(incident.at)}  Somebody ran:  ${incident.statement}`,
    `  and meant:  ${incident.meant}`,
    ...tookLines(incident, left),
  ];
}

/** Said once, before the screens take the window: where it can be read again. */
export const whereItStands = "  Noted in the run: v (details) on the screens shows it again, under NOTES.";

/** The same as one line, for the run's notes. */
export function storyNote(incident: Incident): string {
  const [ran, meant, ...rest] = incidentLines(incident).map((line) => line.trim().replaceAll(/\s+/g, " "));
  return `${ran}; ${meant}. ${rest.join(" ")}`;
}

function tookLines(incident: Incident, left?: "demo" | "drill"): readonly string[] {
  const { kind, rows, table } = incident;
  const took = `  It took ${plural(rows, "row")} of ${table}, and all that hangs on them. It is committed.`;
  switch (kind) {
    case "delete":
    case "cascade":
      return [took, keptLine("rows", incident, left)];
    case "update":
      return [
        `  It changed ${plural(rows, "row")} of ${table}: all there were. It is committed, and customers go on changing them.`,
        keptLine("versions", incident, left),
      ];
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

function keptLine(what: "rows" | "versions", { keptBy }: Incident, left?: "demo" | "drill"): string {
  return left === undefined
    ? `  For now the dead ${what} are kept by ${keptBy ?? "nobody"}.`
    : `  What kept the dead ${what} at first (${keptBy ?? "nothing"}) ended with that ${left}.`;
}

/** Of one that was left: its incident stays, whatever was asked for. */
export function goingOnLines(
  kind: IncidentKind,
  { purpose, incident: asked }: { readonly purpose: "demo" | "drill"; readonly incident: IncidentKind | null },
): readonly string[] {
  const going = `An earlier ${purpose} is not finished: going on with it.`;
  if (asked === null || asked === kind) return [going];
  return [
    going,
    `  Its incident is ${kind}, not ${asked}. To give it up and begin ${asked}: --fresh --incident ${asked}`,
  ];
}

/** `TRUNCATE`: the verb of the statement that did the harm. */
export function verbOf(kind: IncidentKind): string {
  switch (kind) {
    case "delete":
    case "cascade":
    case "vacuumed":
      return "DELETE";
    case "update":
      return "UPDATE";
    case "truncate":
      return "TRUNCATE";
  }
}

/** Whether every row is what it has to be: also where the run was told to write over what traffic made of some, table by table and kind by kind. */
export function isProved(proof: Proof, state: RunState): boolean {
  const told = { setBack: toldTables(state, "overwrite"), putBack: toldTables(state, "insert") };
  return proof.tables.every((table) => {
    const { missing, different, unexpected, byTriggers, setBack, putBack, digests } = table;
    const mayDiffer = told.setBack.has(table.table) ? setBack : 0;
    const mayBeThere = told.putBack.has(table.table) ? putBack : 0;
    const wrong = missing + different - mayDiffer + unexpected - byTriggers - mayBeThere;
    return wrong === 0 && digests.noted === digests.found;
  });
}

/** The tables of the conflicts about which it was decided so. */
function toldTables({ steps }: RunState, value: "overwrite" | "insert"): ReadonlySet<string> {
  const decided = steps.filter(({ step, choice }) => step.item?.of === "conflicts" && choice?.value === value);
  return new Set(decided.flatMap(({ step }) => tablesIn(step.item?.value ?? null)));
}

function tablesIn(conflict: Json): readonly string[] {
  if (!isJsonObject(conflict) || !Array.isArray(conflict.tables)) return [];
  return conflict.tables.flatMap((one) => (isJsonObject(one) && typeof one.table === "string" ? [one.table] : []));
}

export function provedWords({ equal }: Proof, kind: IncidentKind): string {
  const verb = verbOf(kind);
  return equal
    ? `every row is what it was before the ${verb}, or what traffic made of it since`
    : `every row is what it was before the ${verb}, what traffic made of it since, or what you decided`;
}

export function proofLines(proof: Proof, kind: IncidentKind, proved: boolean): readonly string[] {
  const what = verbOf(kind);
  const verdict = proved
    ? `Proved: ${provedWords(proof, kind)}.`
    : "NOT PROVED: there are rows that are not what they ought to be.";
  return ["", `Every row against what was noted before the ${what}:`, ...proof.tables.map(tableLine), verdict];
}

export function tableLine(proved: ProvedTable): string {
  const { table, expected, byTraffic, digests } = proved;
  const sign = digests.noted === digests.found ? "=" : "is not";
  const traffic = byTraffic > 0 ? ` (${count(byTraffic)} of traffic's)` : "";
  const parts = [`  ${table}: ${plural(expected, "row")}${traffic}, content ${digests.noted} ${sign} ${digests.found}`];
  return [...parts, ...wrongs(proved)].join(", ");
}

function wrongs({ missing, different, unexpected, byTriggers, setBack, putBack }: ProvedTable): readonly string[] {
  const said = [
    [missing, "missing"],
    [different - setBack, "different"],
    [unexpected - byTriggers - putBack, "that nobody can explain"],
    [byTriggers, "written by the trigger that you let fire"],
    [setBack, "as before the incident, over what traffic made of them since"],
    [putBack, "there again that traffic removed since"],
  ] as const;
  return said.filter(([n]) => n > 0).map(([n, words]) => `${plural(n, "row")} ${words}`);
}
