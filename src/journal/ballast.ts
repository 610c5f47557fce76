import { randomBytes } from "node:crypto";
import { closeSync, fchmodSync, fsyncSync, openSync, rmSync, statSync, writeSync } from "node:fs";

export const ballastBytes = 8 * 1024 * 1024;

/** Room on the disk that is ours: given up when the disk is full, so that what has happened can still be written. */
export interface Ballast {
  /** Cheap when it lies there. Lays it again where it was given up; the file system's error (ENOSPC) when there is no room for it. */
  ensure(): void;
  /** False when there was nothing to give up. */
  free(): boolean;
}

export function ballastFile(file: string): Ballast {
  const size = () => statSync(file, { throwIfNoEntry: false })?.size ?? -1;
  return {
    ensure: () => {
      if (size() === ballastBytes) return;
      lay(file);
    },
    free: () => {
      const lay = size() > 0;
      rmSync(file, { force: true });
      return lay;
    },
  };
}

/** Random bytes, synced: a file system that compresses, shares or delays blocks would hold nothing back for zeros. */
function lay(file: string): void {
  const fd = openSync(file, "w", 0o600);
  try {
    fchmodSync(fd, 0o600);
    const bytes = randomBytes(ballastBytes);
    for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
    fsyncSync(fd);
  } catch (error) {
    rmSync(file, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
}
