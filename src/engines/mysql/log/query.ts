/** A statement that is logged as its text. */
export interface LoggedQuery {
  readonly thread: number;
  readonly schema: string;
  /** May hold values. */
  readonly text: string;
}

/** Thread, seconds, length of the schema's name, error, length of the status variables; these; the name and a zero; the text. */
export function readQuery(body: Buffer): LoggedQuery {
  const schemaBytes = body[8] ?? 0;
  const statusBytes = body.readUInt16LE(11);
  const schemaAt = 13 + statusBytes;
  return {
    thread: body.readUInt32LE(0),
    schema: body.toString("utf8", schemaAt, schemaAt + schemaBytes),
    text: body.toString("utf8", schemaAt + schemaBytes + 1),
  };
}
