/**
 * SQL that is true where code of this owner may run with our rights: the owner of a table can hang triggers, rules and defaults on it,
 * which run as whoever writes there. It can only take rights from a superuser, so that is who must be careful.
 */
export function isTrusted(owner: string): string {
  return `exists (select from pg_roles me, pg_roles theirs where me.rolname = current_user and theirs.oid = ${owner}
    and (theirs.rolsuper or theirs.oid = me.oid or not me.rolsuper))`;
}
