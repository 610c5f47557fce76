import { expect, test } from "vitest";
import {
  checkBackupId,
  checkDatabaseName,
  checkHost,
  checkInstant,
  checkPort,
  checkS3Path,
} from "../../src/core/patterns.ts";

const now = Date.parse("2026-11-21T03:07:46Z");
const instant = (text: string) => checkInstant(text, now);

/** The requirement's own expressions: what they refuse must be refused here. */
const exact = {
  backupId: /^[a-zA-Z0-9_-]{1,128}$/,
  instant: /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(Z|[+-]\d{2}:\d{2})$/,
  database: /^[a-zA-Z_][a-zA-Z0-9_]{0,62}$/,
  s3: /^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](\/[a-zA-Z0-9._-]+)*\/?$/,
};

const kinds = {
  backupId: { check: checkBackupId, pattern: exact.backupId, good: ["a", "full-20261121", "A_b-9", "x".repeat(128)] },
  port: { check: checkPort, pattern: /^[1-9][0-9]{0,4}$/, good: ["1", "5432", "65535"] },
  instant: {
    check: instant,
    pattern: exact.instant,
    good: ["2026-11-21T03:07:46Z", "2024-02-29T23:59:59+14:00", "2026-11-21T04:07:46+01:00", "0001-01-01T00:00:00Z"],
  },
  database: { check: checkDatabaseName, pattern: exact.database, good: ["shop", "_x", "Shop_1", "a".repeat(63)] },
  s3: { check: checkS3Path, pattern: exact.s3, good: ["s3://abc", "s3://shop-backups/prod/1.2_3", "s3://a.b/c/"] },
  host: {
    check: checkHost,
    pattern: /^[a-zA-Z0-9_.:-]{1,253}$/,
    good: ["localhost", "db-prod-1.example", "10.2.0.14", "::1", "fe80::1", "::ffff:10.0.0.1"],
  },
};

for (const [kind, { check, pattern, good }] of Object.entries(kinds)) {
  test(`${kind}: good ones pass`, () => {
    for (const text of good) expect(check(text), text).toMatchObject({ ok: true });
  });

  test(`${kind}: one character of harm anywhere in a good one is refused`, () => {
    const harm = ["\0", "\n", " ", "'", '"', ";", "`", "$(", "\\", "%", "\u202e", "é", "\ud800", "|", "&", "<", "*"];
    for (const text of good) {
      for (const bad of harm) {
        for (const at of [0, Math.floor(text.length / 2), text.length]) {
          const changed = text.slice(0, at) + bad + text.slice(at);
          expect(check(changed).ok, JSON.stringify(changed)).toBe(false);
        }
      }
    }
  });

  test(`${kind}: nothing passes that the pattern refuses, whatever is cut, doubled or swapped`, () => {
    for (const text of good) {
      for (let at = 0; at < text.length; at += 1) {
        for (const made of [
          text.slice(0, at),
          text.slice(at),
          text + text[at],
          text.slice(0, at) + text.slice(at + 1),
        ]) {
          if (check(made).ok) expect(made).toMatch(pattern);
        }
      }
    }
  });

  test(`${kind}: a refusal gives a reason and what would pass, and never repeats the text`, () => {
    for (const text of ["", "canary canary", `${"canary".repeat(60)}!`]) {
      const verdict = check(text);
      expect(verdict.ok, text).toBe(false);
      if (verdict.ok) continue;
      expect(verdict.reason.length).toBeGreaterThan(5);
      expect(verdict.passes.length).toBeGreaterThan(5);
      expect(JSON.stringify(verdict)).not.toContain("canary");
    }
  });
}

test("an instant is understood in UTC", () => {
  expect(instant("2026-11-21T03:51:00+01:00")).toEqual({ ok: true, value: "2026-11-21T02:51:00Z" });
  expect(instant("2026-11-20T22:00:00-05:00")).toEqual({ ok: true, value: "2026-11-21T03:00:00Z" });
});

test.each([
  ["2026-02-29T00:00:00Z", "calendar"],
  ["2026-04-31T00:00:00Z", "calendar"],
  ["2026-13-01T00:00:00Z", "calendar"],
  ["2026-00-10T00:00:00Z", "calendar"],
  ["2026-01-01T24:00:00Z", "no such time"],
  ["2026-01-01T23:60:00Z", "no such time"],
  ["2026-01-01T23:59:60Z", "no such time"],
  ["2026-01-01T00:00:00+15:00", "offset"],
  ["2026-01-01T00:00:00+01:60", "offset"],
  ["2026-11-21T03:07:47Z", "future"],
  ["2026-11-21T03:07:46-00:01", "future"],
  ["9999-12-31T23:59:59Z", "future"],
  ["2026-11-21 03:00:00Z", "has a date"],
  ["2026-11-21T03:00:00", "has a date"],
  ["2026-11-21T03:00Z", "has a date"],
  ["2026-11-21T03:00:00.5Z", "has a date"],
  ["yesterday", "has a date"],
])("the instant %s is refused: %s", (text, reason) => {
  const verdict = instant(text);
  expect(verdict.ok ? "" : verdict.reason).toContain(reason);
});

test.each(["0", "00022", "65536", "-1", "+22", "5432.0", "0x50", "1e3", "５４３２"])(
  "the port %s is refused",
  (text) => {
    expect(checkPort(text).ok).toBe(false);
  },
);

test.each(["select", "TABLE", "user", "Database", "all", "where"])("%s is reserved and names no database", (text) => {
  const verdict = checkDatabaseName(text);
  expect(verdict.ok ? "" : verdict.reason).toContain("reserved");
});

test.each([
  "s3://ab",
  "s3://-ab",
  "s3://ABC",
  "s3://abc//d",
  "s3://abc/../d",
  "s3://a..b/c",
  "s3://key:secret@abc/d",
  "s3://abc/d?x=1",
  "https://abc",
  `s3://${"a".repeat(64)}`,
])("the path %s is refused", (text) => {
  expect(checkS3Path(text).ok).toBe(false);
});

test.each([
  "256.1.1.1",
  "1.2.3",
  "01.2.3.4",
  "a..b",
  ".a",
  "a.",
  "-a",
  "a-",
  "1:2",
  "[::1]",
  "a".repeat(64),
  "a/b",
  "u@h",
])("the host %s is refused", (text) => {
  expect(checkHost(text).ok).toBe(false);
});
