import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { parseAst } from "rolldown/parseAst";

export const root = path.resolve(import.meta.dirname, "../..");

export interface SourceFile {
  /** `src/core/plan.ts` */
  readonly file: string;
  readonly lines: number;
  readonly imports: readonly { readonly from: string; readonly typeOnly: boolean }[];
  readonly functions: readonly { readonly name: string; readonly lines: number }[];
}

/** Every source file of the product, parsed. */
export function sourceFiles(): readonly SourceFile[] {
  return readdirSync(path.join(root, "src"), { recursive: true, encoding: "utf8" })
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => readSource(path.posix.join("src", name)));
}

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
}

const functionTypes = new Set(["FunctionDeclaration", "FunctionExpression", "ArrowFunctionExpression"]);
const importTypes = new Set([
  "ImportDeclaration",
  "ExportNamedDeclaration",
  "ExportAllDeclaration",
  "ImportExpression",
]);

function readSource(file: string): SourceFile {
  const text = readFileSync(path.join(root, file), "utf8");
  const program = parseAst(text, { lang: file.endsWith("x") ? "tsx" : "ts" }) as unknown as Node;
  const nodes = [...walk(program)];
  const linesOf = (node: Node) => text.slice(node.start, node.end).split("\n").length;
  return {
    file,
    lines: text.split("\n").length - 1,
    imports: nodes.filter((node) => importTypes.has(node.type)).flatMap(importOf),
    functions: nodes
      .filter((node) => functionTypes.has(node.type))
      .map((node) => ({ name: nameOf(node), lines: linesOf(node) })),
  };
}

function importOf(node: Node): SourceFile["imports"] {
  const source = node.source as { value?: unknown } | null | undefined;
  if (typeof source?.value !== "string") return [];
  return [{ from: source.value, typeOnly: node.importKind === "type" || node.exportKind === "type" }];
}

function nameOf(node: Node): string {
  return (node.id as { name?: string } | null)?.name ?? "an arrow function";
}

function* walk(node: Node): Generator<Node> {
  yield node;
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? (value as unknown[]) : [value]) {
      if (typeof child === "object" && child !== null && typeof (child as Node).type === "string")
        yield* walk(child as Node);
    }
  }
}

export function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}
