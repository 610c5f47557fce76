import { expect, test } from "vitest";
import { Fault } from "../../../src/core/errors.ts";
import { mysqlFault } from "../../../src/engines/mysql/errors.ts";
import { readVersion } from "../../../src/engines/mysql/flavor.ts";

const said = (errno: number, message: string, effect: "reading" | "writing" = "writing") =>
  mysqlFault({ errno, message }, "merging", effect).record;

test.each([
  [1062, "Duplicate entry 'ada@example.org' for key 'mail'"],
  [1366, "Incorrect integer value: 'secret' for column 'n'"],
  [1644, "the trigger says: secret"],
  [1064, "You have an error in your SQL syntax near 'secret'"],
])("what may hold a row's value does not travel (%i)", (errno, message) => {
  const { code, cause, after } = said(errno, message);
  expect([code, cause, after]).toEqual([
    `HF-MYSQL-${errno}`,
    `the server or one of its triggers refused (error ${errno})`,
    "rolled-back",
  ]);
});

test("what the server says of names and rights does", () => {
  expect(said(1146, "Table 'shop.x' doesn't exist").cause).toContain("shop.x");
  expect(said(1142, "SELECT command denied").exit).toBe("refused");
});

test("a lock that was not given and a deadlock may be tried again", () => {
  expect(said(1205, "Lock wait timeout exceeded")).toMatchObject({ code: "HF-MYSQL-LOCK-TIMEOUT", passing: true });
  expect(said(1213, "Deadlock found")).toMatchObject({ code: "HF-MYSQL-CONFLICT", after: "rolled-back" });
});

test("of a connection that is gone nobody knows what a write became, and a read became nothing", () => {
  expect(said(2013, "Lost connection", "writing")).toMatchObject({ after: "unknown", exit: "unknown" });
  expect(said(2013, "Lost connection", "reading")).toMatchObject({ after: "none", exit: "unreachable" });
  const killed = mysqlFault({ code: "PROTOCOL_CONNECTION_LOST", message: "closed" }, "merging", "writing");
  expect(killed.record.code).toBe("HF-MYSQL-CONNECTION-LOST");
});

test("a Fault passes as it is", () => {
  const fault = new Fault("HF-TEST", "no");
  expect(mysqlFault(fault, "merging", "writing")).toBe(fault);
});

test.each([
  ["10.11.19-MariaDB-0+deb12u1", { flavor: "mariadb", number: "10.11.19", major: 10, minor: 11 }],
  ["5.5.5-10.6.4-MariaDB-log", { flavor: "mariadb", number: "10.6.4", major: 10, minor: 6 }],
  ["9.7.4", { flavor: "mysql", number: "9.7.4", major: 9, minor: 7 }],
])("the version %s is read as what it is", (text, version) => {
  expect(readVersion(text)).toEqual(version);
});
