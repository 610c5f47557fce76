import { leastAt, type LeastSettings } from "../log/least-settings.ts";

/** What the control file of a data folder says (catalog/pg_control.h; these places are the same from 14 to 18). */
export interface ControlFile {
  readonly system: string;
  readonly least: LeastSettings;
}

const firstSetting = 180;

export function readControl(bytes: Buffer): ControlFile {
  return { system: bytes.readBigUInt64LE(0).toString(), least: leastAt(bytes, firstSetting) };
}
