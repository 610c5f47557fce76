import type { RunId } from "../../../../core/ids.ts";
import type { ReadyPath } from "../../../../core/readiness.ts";
import type { HoldPart, Watch } from "../../../engine.ts";
import type { PathOption, Recovered, RecoveredTable, Statement } from "../../../evidence.ts";
import type { TableName } from "../../../inspect.ts";
import type { PostgresTarget } from "../../target.ts";
import type { LogSurvey } from "../clone/log-survey.ts";
import type { RecentCounts } from "../pages/recent.ts";
import type { Reading } from "../reader.ts";

/** What every path is given. `reading` lends a connection that streams raw pages, and takes it back. */
export interface PathContext {
  readonly target: PostgresTarget;
  readonly reading: Reading;
  readonly recent: RecentCounts;
  /** Of what was counted out of the log, which takes longer. */
  readonly recentLog: RecentCounts;
  /** Of what was counted out of a dump. */
  readonly recentDump: RecentCounts;
  /** Since the backup, where the config names one. */
  readonly log: LogSurvey;
}

/** What a bad DELETE could take: the tables that have rows of their own, and about how much is in them. */
export interface Ahead {
  readonly tables: readonly TableName[];
  readonly rows: number;
  readonly bytes: number;
}

/** One way back: one file, and one line in `paths.ts`. */
export interface RecoveryPath {
  readonly name: string;
  /** Worth beginning beside a faster one, before anybody waits for it. */
  readonly isSlow?: true;
  /** False where it has nothing to do with such a statement: then it is not listed at all. */
  fits(statement: Statement): boolean;
  /** `named`: the path that will be taken, if it is open. */
  option(context: PathContext, statement: Statement, watch: Watch, named?: string): Promise<PathOption>;
  /** Whether it would be open after a bad DELETE that commits now and a freeze; by what `option` asks. Absent: nobody asks ahead. */
  ready?(context: PathContext, ahead: Ahead, watch: Watch): Promise<ReadyPath>;
  count(context: PathContext, statement: Statement, watch: Watch): Promise<readonly RecoveredTable[]>;
  parts(context: PathContext, run: RunId): readonly HoldPart[] | Promise<readonly HoldPart[]>;
  /** The connection for raw pages lives until this ends. */
  recover(context: PathContext, statement: Statement, run: RunId, watch: Watch): Promise<Recovered>;
}
