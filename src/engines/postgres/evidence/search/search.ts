import type { Finding } from "../../../../core/step.ts";
import type { Watch } from "../../../engine.ts";
import type { Statement, StatementQuery, StatementSearch } from "../../../evidence.ts";
import type { Connection } from "../../connection.ts";
import type { LogFiles } from "../log/server-log.ts";
import { countEach } from "../pages/count.ts";
import { pageSize } from "../pages/layout.ts";
import { pageSource, pagesOf, relations } from "../pages/relation.ts";
import { type Families, familiesOf } from "../pages/untold.ts";
import { finding, number, plural, size } from "../say.ts";
import { nextXid } from "../xid.ts";
import { sortDeleters } from "./deleters.ts";
import { askLog, groupedBy, logFindings, told, uncounted, withLog } from "./from-log.ts";
import { type Scan, scan } from "./scan.ts";
import { countedUpdate, updateCandidates } from "./updates.ts";
import {
  type Candidate,
  committed,
  groupsOf,
  isWithin,
  larger,
  listed,
  mostOf,
  recounted,
  stillOpen,
} from "./statements.ts";

/** What was found, and what of each statement the pages and the server's log say, by its value. */
export interface Found extends StatementSearch {
  readonly evidence: ReadonlyMap<string, Pick<Candidate, "logged" | "onPages">>;
  readonly families: Families;
}

export interface Searching {
  /** Streams the pages. */
  readonly reading: Connection;
  /** Asks the server about what they say. */
  readonly asking: Connection;
  /** Where files of the log are looked for before the server is asked for them. */
  readonly copies: LogFiles | undefined;
}

/** Who took rows away, from raw pages and the server's log. */
export async function searchStatements(
  { reading, asking, copies }: Searching,
  query: StatementQuery,
  watch: Watch,
): Promise<Found> {
  const tables = await relations(reading, query.tables);
  const bytes = pagesOf(tables) * pageSize;
  const source = await pageSource(reading, bytes);
  const next = await nextXid(asking);
  const seen = await scan(source, asking, tables, next, watch);
  const log = await askLog(asking, query, next, seen, watch, copies);
  const deleters = log === null ? seen.deleters : withLog(seen.deleters, log);
  const families = await familiesOf(asking, query.tables);
  const sorted = await sortDeleters(asking, deleters, next);
  const singles = [
    ...sorted.commits.map((commit) => committed(commit, deleters, families)),
    ...sorted.open.map((open) => stillOpen(open, deleters)),
  ].filter(({ statement }) => isWithin(statement, query));
  const updates = updateCandidates(sorted.commits, deleters).filter(({ statement }) => isWithin(statement, query));
  const groups = groupsOf(singles.map(({ statement }) => statement)).map((statement) => groupedBy(statement, singles));
  const largest = listed([...groups, ...singles].map(sized));
  const counted = await exactly(reading, asking, [...largest, ...updates], families, watch);
  const named = counted.map(({ statement }) => statement);
  const inWords = log === null ? named : await told(asking, log, named, deleters);
  const statements = inWords.map((statement) => ({ ...statement, ...uncounted(seen, log, statement) }));
  return {
    table: query.table,
    tables: query.tables,
    statements: inList(statements.filter((one) => mostOf(one) > 0)),
    evidence: new Map(counted.map((one) => [one.statement.value, one])),
    families,
    oldest: sorted.oldest === null ? null : String(sorted.oldest),
    pruned: seen.pruned,
    pagesRead: seen.pagesRead,
    findings: [
      ...findingsOf(query, seen, singles, { skipped: sorted.skipped, rest: source.rest, bytes }),
      ...logFindings(log),
    ],
  };
}

/** What took rows first: an incident is that more often, and the application updates rows all day. */
function inList(statements: readonly Statement[]): readonly Statement[] {
  const updates = statements.filter(({ values }) => values).toSorted((a, b) => mostOf(b) - mostOf(a));
  return [...listed(statements.filter(({ values }) => !values)), ...updates];
}

/** Where a transaction also updated or inserted, its chains of versions decide what it took: those are counted by a second reading. */
async function exactly(
  reading: Connection,
  asking: Connection,
  candidates: readonly Candidate[],
  families: Families,
  watch: Watch,
): Promise<readonly Candidate[]> {
  const unclear = candidates.filter(({ exact }) => !exact).map(({ statement }) => statement);
  if (unclear.length === 0) return candidates;
  const counted = await countEach(reading, asking, unclear, watch);
  return candidates.map((one) => {
    const onPages = counted[unclear.indexOf(one.statement)];
    if (onPages && one.statement.values) return { ...one, onPages, statement: countedUpdate(one.statement, onPages) };
    return onPages
      ? { ...one, onPages, statement: recounted(one.statement, larger(onPages, one.logged, families)) }
      : one;
  });
}

/** With its numbers beside it, as a list is put in order by them. */
function sized(one: Candidate): Candidate & Pick<Statement, "rows" | "most"> {
  const { rows, most = rows } = one.statement;
  return most > rows ? { ...one, rows, most } : { ...one, rows };
}

interface HowItWent {
  readonly skipped: number;
  readonly rest: number;
  readonly bytes: number;
}

function findingsOf(
  query: StatementQuery,
  seen: Scan,
  singles: readonly Candidate[],
  { skipped, rest, bytes }: HowItWent,
): readonly Finding[] {
  const findings = [
    finding("ok", `${number(seen.pagesRead)} raw pages (${size(bytes)}) were read; no row was touched.`),
  ];
  if (rest > 0)
    findings.push(
      finding("ok", "The tables are large beside the server's memory: pages were read with rests between them."),
    );
  if (seen.pruned > 0)
    findings.push(finding("ok", `${plural(seen.pruned, "version")} of rows were already removed from their pages.`));
  if (seen.unresolved > 0)
    findings.push(finding("warn", `${plural(seen.unresolved, "version")} can't be put down to any transaction.`));
  if (skipped > 0)
    findings.push(finding("note", `${plural(skipped, "transaction")} with the fewest rows were not looked at.`));
  const timeless = singles.filter(({ statement }) => statement.at === null && statement.kind === "one").length;
  if (timeless > 0 && (query.since !== undefined || query.until !== undefined))
    findings.push(
      finding(
        "warn",
        `The server does not know when ${plural(timeless, "transaction")} committed: since and until left them in.`,
      ),
    );
  return findings;
}
