import { EventEmitter } from "node:events";

/** A packet as the driver hands it to a command: what it carries lies between `offset` and `end`. */
interface Packet {
  readonly buffer: Buffer;
  readonly offset: number;
  readonly end: number;
  isError(): boolean;
  isEOF(): boolean;
  asError(encoding: string): Error;
}

/** The part of the driver's own connection that a command of the protocol needs; its types leave it out. */
export interface ProtocolConnection {
  readonly clientEncoding: string;
  addCommand(command: EventEmitter): void;
  writePacket(packet: { readonly buffer: Buffer; length(): number; writeHeader(sequence: number): void }): void;
  _resetSequenceId(): void;
  destroy(): void;
}

const comBinlogDump = 0x12;
const packetHeader = 4;
/** Bytes before an event in its packet: a zero that says all is well. */
const statusBytes = 1;
/** BINLOG_DUMP_NON_BLOCK: the server ends at the end of the log. BINLOG_SEND_ANNOTATE_ROWS_EVENT: MariaDB leaves the statements' texts in. */
const flags = 1 | 2;

/**
 * The raw events of the log from the beginning of `file` on to its end at this moment, each handed to `heed` as it comes. The driver's own
 * such command reads values into objects, and drops the bytes. Whatever `heed` throws ends the connection, and is what this rejects with.
 */
export function dumpLog(
  connection: ProtocolConnection,
  file: string,
  server: number,
  heed: (event: Buffer) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    connection.addCommand(new DumpCommand(connection, dumpRequest(file, server), heed, { resolve, reject }));
  });
}

interface Settled {
  resolve(): void;
  reject(error: unknown): void;
}

/** The driver asks for an emitter with `execute`, which it calls to begin and then with each packet; true: it is over. */
class DumpCommand extends EventEmitter {
  readonly #request: Buffer;
  readonly #heed: (event: Buffer) => void;
  readonly #settled: Settled;
  #begun = false;

  constructor(connection: ProtocolConnection, request: Buffer, heed: (event: Buffer) => void, settled: Settled) {
    super();
    this.#request = request;
    this.#heed = heed;
    this.#settled = settled;
    this.connection = connection;
  }

  readonly connection: ProtocolConnection;

  /** Where the connection breaks the driver tells its command, and nobody else. */
  onResult(error: unknown): void {
    this.#settled.reject(error);
  }

  execute(packet: Packet | undefined): boolean {
    if (!this.#begun) return this.#begin();
    if (packet === undefined) return false;
    if (packet.isError())
      return this.#ended(() => this.#settled.reject(packet.asError(this.connection.clientEncoding)));
    if (packet.isEOF()) return this.#ended(() => this.#settled.resolve());
    try {
      this.#heed(packet.buffer.subarray(packet.offset + statusBytes, packet.end));
      return false;
    } catch (error) {
      this.connection.destroy();
      return this.#ended(() => this.#settled.reject(error));
    }
  }

  #begin(): boolean {
    this.#begun = true;
    const buffer = this.#request;
    this.connection._resetSequenceId();
    this.connection.writePacket({
      buffer,
      length: () => buffer.length,
      writeHeader: (sequence) => {
        buffer.writeUIntLE(buffer.length - packetHeader, 0, 3);
        buffer[3] = sequence;
      },
    });
    return false;
  }

  #ended(tell: () => void): boolean {
    tell();
    this.emit("end");
    return true;
  }
}

function dumpRequest(file: string, server: number): Buffer {
  const name = Buffer.from(file, "utf8");
  const body = Buffer.alloc(packetHeader + 11 + name.length);
  body[packetHeader] = comBinlogDump;
  body.writeUInt32LE(4, packetHeader + 1);
  body.writeUInt16LE(flags, packetHeader + 5);
  body.writeUInt32LE(server, packetHeader + 7);
  name.copy(body, packetHeader + 11);
  return body;
}
