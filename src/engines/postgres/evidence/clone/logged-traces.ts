import { readFile } from "node:fs/promises";
import path from "node:path";
import { Fault } from "../../../../core/errors.ts";
import { lsnNumber } from "../log/position.ts";
import { eachRecord } from "../log/records.ts";
import { type Segment, segmentName, segmentsBetween } from "../log/segments.ts";
import type { FoundCommit } from "../log/summary.ts";
import type { Clone } from "./build.ts";
import { clonePlaces } from "./folder.ts";
import { traceReader, type Trace } from "./trace.ts";
import { beginOf, type Surveyed } from "./survey.ts";

/** What a transaction did to the rows of these files. */
export interface LoggedTraces {
  readonly files: ReadonlySet<string>;
  of(file: string): Trace;
}

/** What the survey told, where there is no more to know: each row that is gone was deleted. Null where it did more to these files than that. */
export function surveyedTraces({ files, log }: Surveyed, commit: FoundCommit): LoggedTraces | null {
  const { alsoWrote, moved, made, dropped, deleted } = commit;
  const isMore = alsoWrote || moved > 0 || made.length > 0 || dropped.length > 0;
  if (isMore || beginOf(log, commit) === null) return null;
  const of = (file: string): Trace => ({
    fate: () => "deleted",
    endOf: () => null,
    deletes: deleted.get(file) ?? 0,
  });
  return { files: new Set([...files.values()].flat()), of };
}

/** From the transaction's beginning to its COMMIT, out of the log that was staged: the very files that the clone replays. */
export async function loggedTraces(
  { folder }: Clone,
  { source, backup, major, log }: Surveyed,
  commit: FoundCommit,
  files: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<LoggedTraces> {
  const reader = traceReader(new Set([commit.xid, ...commit.subs]), files, major < 15);
  const from = beginOf(log, commit) ?? lsnNumber(backup.label.start);
  const segments = segmentsBetween(backup.label.timeline, from, commit.position, source.segmentBytes);
  const staged = (segment: Segment) => path.join(clonePlaces(folder).log, segmentName(segment, source.segmentBytes));
  const read = async (segment: Segment, copy: number) => {
    signal.throwIfAborted();
    return copy > 0 ? null : readFile(staged(segment));
  };
  const { stoppedAt } = await eachRecord(segments, read, commit.position, reader.see);
  if (stoppedAt === null) return { files, of: reader.of };
  throw new Fault("HF-CLONE-LOG", `the log file ${segmentName(stoppedAt, source.segmentBytes)} is damaged`, {
    exit: "environment",
    still: "Nothing was changed on the target.",
    hint: "Bring a whole copy of it into the archive, then retry.",
  });
}
