/** Bytes, texts and whole numbers; nothing that JavaScript could have rounded. */
export type Parameter = string | number | bigint | boolean | null | Uint8Array;

/**
 * The statement with each `?` in place of its value, as a literal that means the same under every `sql_mode` and character set: texts and
 * bytes in hexadecimal, so that nothing in them is ever read as SQL. The server prepares nothing, and answers as text. Our own SQL has no `?`
 * within quotes.
 */
export function withLiterals(sql: string, values: readonly Parameter[]): string {
  const parts = sql.split("?");
  if (parts.length !== values.length + 1)
    throw new Error(`${values.length} values for ${parts.length - 1} places of a statement`);
  return parts.map((part, nth) => (nth === 0 ? part : `${literal(values[nth - 1] ?? null)}${part}`)).join("");
}

function literal(value: Parameter): string {
  switch (typeof value) {
    case "string":
      return `_utf8mb4 X'${Buffer.from(value, "utf8").toString("hex")}'`;
    case "bigint":
      return String(value);
    case "boolean":
      return value ? "1" : "0";
    case "number":
      if (!Number.isSafeInteger(value)) throw new Error("a number that is not whole has no exact literal");
      return String(value);
    default:
      return value === null ? "NULL" : `X'${Buffer.from(value).toString("hex")}'`;
  }
}
