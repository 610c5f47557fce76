import type { LogEvent } from "./events.ts";

const mariadbType = 162;
const taggedType = 42;
const anonymousType = 34;

/** MariaDB marks what is one statement by itself, with no COMMIT after it. */
export function isStandalone({ type, body }: LogEvent): boolean {
  return type === mariadbType && ((body[12] ?? 0) & 1) === 1;
}

/** MariaDB: domain, server, number. MySQL: the server's uuid and the number. Null for an anonymous one, or a form that is not read. */
export function readGtid({ type, body, server }: LogEvent): string | null {
  if (type === anonymousType || type === taggedType) return null;
  if (type === mariadbType) return `${body.readUInt32LE(8)}-${server}-${body.readBigUInt64LE(0)}`;
  const id = body.toString("hex", 1, 17);
  const uuid = [id.slice(0, 8), id.slice(8, 12), id.slice(12, 16), id.slice(16, 20), id.slice(20)].join("-");
  return `${uuid}:${body.readBigUInt64LE(17)}`;
}
