/** The first half of our advisory locks' keys: `HOLD` as a number. Locks of this kind belong to one database. */
export const lockClass = 0x484f4c44;
/** The target lock. */
export const lockKey = 1;
/** Held for the moments in which the marker table is made. */
export const makerKey = 2;
/** Whether session locks hold at all is tried with keys of this first half. */
export const trialClass = lockClass + 1;

const ours = `l.locktype = 'advisory' and l.classid = ${lockClass} and l.objid = ${lockKey} and l.objsubid = 2 and l.granted
  and l.database = (select oid from pg_database where datname = current_database())`;

/** SQL that is true while the session with this process id holds the target lock. */
export function lockedBy(pid: string): string {
  return `exists (select from pg_locks l where ${ours} and l.pid = ${pid})`;
}

/** SQL for the one session that holds it. */
export const holderSql = `
  select a.application_name as application, a.usename as role, l.pid::text as pid,
    to_char(a.backend_start at time zone 'UTC', 'HH24:MI:SS"Z"') as since
  from pg_locks l left join pg_stat_activity a using (pid) where ${ours}`;
