const name = /"((?:[^"]|"")+)"|([\p{L}_][\p{L}\p{N}_$]*)/gu;

/** The names in a list or a path of names, without their quotes. */
export function namesIn(text: string): readonly string[] {
  return [...text.matchAll(name)].map(([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? "");
}
