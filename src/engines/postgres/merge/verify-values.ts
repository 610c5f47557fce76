import type { Finding } from "../../../core/step.ts";
import type { VerifiedTable } from "../../merge.ts";
import { fromTable } from "../catalogue.ts";
import type { Connection } from "../connection.ts";
import { isSameRow, type Keyed, keyColumns, sameKey } from "../rescue-area/comparison.ts";
import { rows as someRows } from "../rescue-area/words.ts";

/** Exact, of one moment: every former version beside the table's row of the same key. */
export async function verifyValues(connection: Connection, one: Keyed): Promise<VerifiedTable> {
  const { table } = one.area;
  const found = await counted(connection, one);
  const { rows, equal, different, absent, left, leftAbsent } = found;
  const findings: Finding[] = [];
  if (equal > 0) findings.push({ level: "ok", text: `${table}: ${someRows(equal)} as before, to the digit` });
  if (left > 0) findings.push(leftWords(one, left));
  if (different > left) findings.push(changedWords(table, different - left));
  if (leftAbsent > 0) findings.push(goneWords(one, leftAbsent));
  if (absent > leftAbsent) findings.push(deletedWords(table, absent - leftAbsent));
  return { table, rescued: rows, equal, different, absent, remade: left, findings };
}

async function counted(connection: Connection, one: Keyed) {
  const { area } = one;
  const [key] = keyColumns(one).map((column) => column.quoted);
  const there = `k.${key} is not null`;
  const isLeft = `x.${area.ordinal} is not null`;
  const count = (where: string, name: string) => `count(*) filter (where ${where})::text as ${name}`;
  const same = isSameRow(one, "r", "k");
  const counts = [
    "count(*)::text as rows",
    count(`${there} and ${same}`, "equal"),
    count(`${there} and not (${same})`, "different"),
    count(`not (${there})`, "absent"),
    count(`${isLeft} and ${there} and not (${same})`, `"left"`),
    count(`${isLeft} and not (${there})`, "gone"),
  ];
  const sql = `select ${counts.join(", ")} from ${one.rescued} left join ${fromTable(area.shape)} as k on ${sameKey(one, "k")}
    left join ${area.leftOut} as x on x.${area.ordinal} = r.${area.ordinal}`;
  const found = await connection.row(`comparing the former values with ${area.table}`, sql);
  const number = (name: string) => Number(found[name]);
  return {
    rows: number("rows"),
    equal: number("equal"),
    different: number("different"),
    absent: number("absent"),
    left: number("left"),
    leftAbsent: number("gone"),
  };
}

function leftWords({ area }: Keyed, left: number): Finding {
  const text = `${area.table}: ${someRows(left)} left as they are: changed again since, or refused by the server; their former values are in no table`;
  return {
    level: "warn",
    text,
    hint: `Compare both, and decide by hand, while the rescue area is kept (${area.rows}).`,
  };
}

function changedWords(table: string, changed: number): Finding {
  const text = `${table}: ${someRows(changed)} set back, and ${changed === 1 ? "has" : "have"} other values by now`;
  return { level: "warn", text, hint: "Changed since by the application, or by a trigger." };
}

function goneWords({ area }: Keyed, gone: number): Finding {
  const text = `${area.table}: ${someRows(gone)} not there under the key of before: deleted since, or the statement changed the key itself`;
  return { level: "warn", text, hint: `Their former values are in ${area.rows}: decide by hand.` };
}

/** Each that was not left out was written: the server named it, in a transaction that its marker proves to have committed. */
function deletedWords(table: string, absent: number): Finding {
  const text = `${table}: ${someRows(absent)} set back, and not there any more: deleted since, or given another key`;
  return { level: "warn", text, hint: "Changed since by the application." };
}
