/** The verdict on something that a person wrote: what it means, or why it is refused and what would pass. Never echoes the text. */
export type Checked =
  | { readonly ok: true; readonly value: string }
  | { readonly ok: false; readonly reason: string; readonly passes: string };

/** `^[a-zA-Z0-9_-]{1,128}$`; that the catalogue knows it is for others to find out. */
export function checkBackupId(text: string): Checked {
  if (/^[a-zA-Z0-9_-]{1,128}$/.test(text)) return passed(text);
  const reason = sizeReason(text, 128) ?? "a backup id has only letters, digits, _ and -";
  return refused(reason, "1 to 128 letters, digits, _ or -, for example full-20261121T030000Z");
}

/** 1 to 65535, in plain digits. */
export function checkPort(text: string): Checked {
  const passes = "a number from 1 to 65535, for example 5432";
  if (!/^[0-9]+$/.test(text)) return refused("a port is written in digits only", passes);
  if (!/^[1-9][0-9]{0,4}$/.test(text) || Number(text) > 65535) return refused("no port has that number", passes);
  return passed(text);
}

/** `^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(Z|[+-]\d{2}:\d{2})$`, a date that exists, not in the future. The value is the same instant in UTC. */
export function checkInstant(text: string, now: number): Checked {
  const example = "for example 2026-11-21T02:51:00Z or 2026-11-21T03:51:00+01:00";
  const parts = /^(\d{4}-\d{2}-\d{2})T(\d{2}):(\d{2}):(\d{2})(Z|[+-]\d{2}:\d{2})$/.exec(text);
  if (!parts) return refused("an instant has a date, a T, a time with seconds, and Z or an offset", example);
  const [, date = "", hours, minutes, seconds, offset = "Z"] = parts;
  if (!isCalendarDate(date)) return refused("the calendar has no such date", `a date that exists, ${example}`);
  if (Number(hours) > 23 || Number(minutes) > 59 || Number(seconds) > 59) {
    return refused("a day has no such time", `00:00:00 to 23:59:59, ${example}`);
  }
  if (!isOffset(offset)) return refused("no place has that offset from UTC", `-14:00 to +14:00, ${example}`);
  const at = Date.parse(text);
  if (at > now) return refused("it lies in the future", `at most the present, ${isoSeconds(now)}`);
  return passed(isoSeconds(at));
}

/** `^[a-zA-Z_][a-zA-Z0-9_]{0,62}$` and no reserved word; that the server has it is for others to find out. */
export function checkDatabaseName(text: string): Checked {
  const passes = "a letter or _, then up to 62 letters, digits or _, for example shop_orders";
  if (reserved.has(text.toLowerCase())) return refused("that is a reserved word of SQL", passes);
  if (/^[a-zA-Z_][a-zA-Z0-9_]{0,62}$/.test(text)) return passed(text);
  return refused(
    sizeReason(text, 63) ?? "a database's name has only letters, digits and _, and begins with no digit",
    passes,
  );
}

/** `^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[a-zA-Z0-9._-]+)*\/?$`, no `..`, no credentials. Allow-list and reach are for others. */
export function checkS3Path(text: string): Checked {
  const passes = "s3://bucket/prefix, for example s3://shop-backups/production";
  if (!text.startsWith("s3://")) return refused("an S3 path begins with s3://", passes);
  if (text.includes("@")) return refused("credentials have no place in a path", passes);
  if (text.includes("..")) return refused("a path never goes upwards", passes);
  if (/^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](\/[a-zA-Z0-9._-]+)*\/?$/.test(text)) return passed(text);
  return refused("the bucket has 3 to 63 small letters, digits, . or -; the rest letters, digits, . _ -", passes);
}

/** The form of a name or address (RFC 1123, IPv4, IPv6 without brackets); that it resolves is for others to find out. */
export function checkHost(text: string): Checked {
  const passes = "a name or an address, for example db-prod-1.example, 10.2.0.14 or ::1";
  if (text.length === 0 || text.length > 253) return refused(sizeReason(text, 253) ?? "it is empty", passes);
  if (/^[0-9.]+$/.test(text)) return isIpv4(text) ? passed(text) : refused("that is no IPv4 address", passes);
  if (text.includes(":")) return isIpv6(text) ? passed(text) : refused("that is no IPv6 address", passes);
  const label = /^[a-zA-Z0-9_]([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?$/;
  if (text.split(".").every((part) => label.test(part))) return passed(text);
  return refused("a host's name has labels of letters, digits and -, joined by single dots", passes);
}

function passed(value: string): Checked {
  return { ok: true, value };
}

function refused(reason: string, passes: string): Checked {
  return { ok: false, reason, passes };
}

function sizeReason(text: string, most: number): string | null {
  if (text.length === 0) return "it is empty";
  return text.length > most ? `it has ${text.length} characters, and at most ${most} are allowed` : null;
}

function isCalendarDate(date: string): boolean {
  const at = Date.parse(`${date}T00:00:00Z`);
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(date);
}

function isOffset(offset: string): boolean {
  if (offset === "Z") return true;
  const [hours = 99, minutes = 99] = offset.slice(1).split(":").map(Number);
  return minutes < 60 && hours * 60 + minutes <= 14 * 60;
}

function isoSeconds(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d{3}Z$/, "Z");
}

function isIpv4(text: string): boolean {
  const parts = text.split(".");
  return parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256);
}

function isIpv6(text: string): boolean {
  return /^[0-9a-fA-F:.]+$/.test(text) && URL.canParse(`http://[${text}]/`);
}

/** What PostgreSQL reserves, with the words that MySQL and the standard reserve beside it and that name a database by accident. */
const reserved = new Set(
  `all analyse analyze and any array as asc asymmetric authorization between binary both case cast check collate collation column
  concurrently constraint create cross current_catalog current_date current_role current_schema current_time current_timestamp
  current_user database databases default deferrable delete desc distinct do drop else end except exists false fetch for foreign
  freeze from full grant group having ilike in index initially inner insert intersect into is isnull join key lateral leading left
  like limit localtime localtimestamp natural not notnull null offset on only or order outer overlaps placing primary references
  returning right schema schemas select session_user set similar some symmetric system_user table tablesample then to trailing
  trigger true union unique update user using values variadic verbose when where window with`.split(/\s+/),
);
