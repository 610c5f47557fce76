/** A column of every type that MariaDB has, with a value that a careless transport would change. */
export const everyColumn = `t TINYINT, s SMALLINT UNSIGNED, m MEDIUMINT, i INT, g BIGINT UNSIGNED, f FLOAT, d DOUBLE, e DECIMAL(65,30), x DECIMAL(5,0),
  da DATE, ti TIME(6), dt DATETIME(3), ts TIMESTAMP(6) NULL, y YEAR, c CHAR(200) CHARACTER SET utf8mb4, vc VARCHAR(20), vl VARCHAR(2000), bi BINARY(3),
  vb VARBINARY(300), tb TINYBLOB, bl LONGBLOB, tx MEDIUMTEXT, en ENUM('a','b'), se SET('a','b','c'), bt BIT(13), j JSON,
  ge GEOMETRY, u UUID, n6 INET6, co VARCHAR(3000) COMPRESSED, ct TEXT COMPRESSED, gv INT AS (i + 1) VIRTUAL, gs INT AS (i + 2) STORED`;

export const everyValue = `1, 65535, -1, 7, 18446744073709551615, 0.1, 0.2, 12345.678, 99999, '2026-11-22', '-838:59:59.123456', '2026-11-22 01:02:03.123',
  '2026-03-29 01:30:00.5', 2026, REPEAT('\u00fc', 200), 'short', REPEAT('l', 2000), 'abc', REPEAT('v', 300), 'tiny', REPEAT('b', 70000), 'text', 'b',
  'a,c', b'1010101010101', '{"a":1}', ST_GeomFromText('POINT(1 2)'), UUID(), '::1', REPEAT('z', 3000), 'ct'`;

/** Of those that can be written. */
export const everyName = (everyColumn.match(/\b\w+(?= [A-Z])/g) ?? []).filter(
  (name) => /^[a-z]/.test(name) && !/^g[vs]$/.test(name),
);
