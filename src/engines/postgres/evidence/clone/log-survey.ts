import type { Watch } from "../../../engine.ts";
import type { PostgresTarget } from "../../target.ts";
import { lsnNumber } from "../log/position.ts";
import { lowXid } from "../xid.ts";
import { beginSurvey, type Begun, filesNow, type InUse, type Surveyed, surveyLog, type Wanted } from "./survey.ts";

/** The log since the backup, as it is read for one step and told to the next. Both fault `HF-CLONE-BACKUP` where there is no backup to read. */
export interface LogSurvey {
  /** All of it, up to now. */
  read(wanted: Wanted, watch: Watch): Promise<Surveyed>;
  /** At least up to the commits that are wanted: what is written there does not change, so an earlier reading will do that has them all. */
  upTo(wanted: Wanted, watch: Watch): Promise<Surveyed & { readonly remembered: boolean }>;
}

/** More of them are not kept from one step to the next. */
const mostCommits = 100_000;

/** Remembers the last reading that was whole. */
export function logSurvey(target: PostgresTarget): LogSurvey {
  let last: Told | null = null;
  const begin = async (wanted: Wanted) => {
    const asking = await target.catalogue();
    return { begun: await beginSurvey(target, asking), inUse: await filesNow(asking, wanted.tables) };
  };
  const read = async ({ begun, inUse }: Awaited<ReturnType<typeof begin>>, wanted: Wanted, watch: Watch) => {
    const surveyed = await surveyLog(begun, inUse, wanted, watch);
    last = isKept(surveyed) ? { surveyed, inUse } : null;
    return surveyed;
  };
  return {
    read: async (wanted, watch) => read(await begin(wanted), wanted, watch),
    upTo: async (wanted, watch) => {
      const { begun, inUse } = await begin(wanted);
      if (last && tells(last, begun, inUse, wanted))
        return { ...last.surveyed, ...begun, oids: inUse.oids, remembered: true };
      return { ...(await read({ begun, inUse }, wanted, watch)), remembered: false };
    },
  };
}

interface Told {
  readonly surveyed: Surveyed;
  readonly inUse: InUse;
}

/** Where a file had to be taken from its second copy, the source has to find that out once more. */
function isKept({ backup, from, stoppedAt, damage, firstCopies, log }: Surveyed): boolean {
  const isWhole = from <= lsnNumber(backup.label.start) && stoppedAt === null && damage === null;
  return isWhole && firstCopies && log.commits.length <= mostCommits;
}

function tells({ surveyed, inUse: then }: Told, { backup }: Begun, now: InUse, { tables, xids }: Wanted): boolean {
  const isSameBackup = JSON.stringify(backup) === JSON.stringify(surveyed.backup);
  const committed = new Set(surveyed.log.commits.map(({ xid }) => xid));
  return (
    isSameBackup &&
    now.database === then.database &&
    tables.every((table) => String(now.files.get(table)) === String(then.files.get(table))) &&
    xids.every((xid) => committed.has(lowXid(Number(xid))))
  );
}
