import { sum } from "./say.ts";
import type { Search, Statement } from "./shapes.ts";

/**
 * A set of transactions that the operator wrote instead of picking: ids joined by `+`, or `from..to` in RFC 3339 instants.
 * Null where a part of it names nothing that was found: half of what was meant is never taken for the whole.
 */
export function writtenStatement({ statements }: Search, written: string): Statement | null {
  const isUpdate = written.startsWith(updateMark);
  const said = isUpdate ? written.slice(updateMark.length) : written;
  const single = statements.filter(
    (one) => one.transactions.length === 1 && one.kind === "one" && (one.values ?? false) === isUpdate,
  );
  const range = said.split("..");
  const members = range.length === 2 ? within(single, range[0] ?? "", range[1] ?? "") : named(single, said.split("+"));
  if (members === null || members.length === 0) return null;
  return members.length === 1 ? (members[0] ?? null) : together(members);
}

/** Before what names transactions: the rows that they changed are meant, not those that they took. */
const updateMark = "update:";

function named(single: readonly Statement[], ids: readonly string[]): readonly Statement[] | null {
  const members = [...new Set(ids)].map((id) => single.find((one) => one.transactions[0] === id.trim()));
  return members.every((one) => one !== undefined) ? members : null;
}

/** Both ends count; one whose time the server does not know can't be in a range. */
function within(single: readonly Statement[], from: string, to: string): readonly Statement[] | null {
  const [first, last] = [Date.parse(from), Date.parse(to)];
  if (Number.isNaN(first) || Number.isNaN(last)) return null;
  return single.filter(({ at }) => at !== null && Date.parse(at) >= first && Date.parse(at) <= last);
}

function together(members: readonly Statement[]): Statement {
  const times = members.flatMap(({ at, until }) => [at, until]).filter((time) => time !== null);
  const sorted = times.toSorted((a, b) => Date.parse(a) - Date.parse(b));
  const uncounted = members.find((one) => one.uncounted !== undefined)?.uncounted;
  const names = [...new Set(members.flatMap((one) => one.tables.map(({ table }) => table)))];
  const inTables = names.map((name) => {
    const all = members.flatMap((one) => one.tables.filter(({ table }) => table === name));
    return { table: name, ...sumOf(all) };
  });
  return {
    value: members.map((one, nth) => (nth === 0 ? one.value : (one.transactions[0] ?? ""))).join("+"),
    kind: "group",
    ...(members.every((one) => one.values) ? { values: true as const } : {}),
    transactions: members.flatMap((one) => one.transactions),
    subtransactions: members.flatMap((one) => one.subtransactions),
    parents: members.flatMap((one) => one.subtransactions.map(() => one.transactions[0] ?? "")),
    ...(members.every((one) => one.positions) ? { positions: members.flatMap((one) => one.positions ?? []) } : {}),
    at: sorted[0] ?? null,
    until: sorted.at(-1) ?? null,
    ...sumOf(members),
    tables: inTables,
    doubts: [...new Set(members.flatMap((one) => one.doubts)), "put together by the operator"],
    ...(uncounted === undefined ? {} : { uncounted }),
    who: members[0]?.who ?? null,
  };
}

function sumOf(all: readonly Pick<Statement, "rows" | "most">[]): Pick<Statement, "rows" | "most"> {
  const rows = sum(all, (one) => one.rows);
  const most = sum(all, (one) => one.most ?? one.rows);
  return most > rows ? { rows, most } : { rows };
}
