import type { IBufferCell, Terminal } from "@xterm/headless";

/** A colour as a terminal has it: one of its 256, or its own choice. */
export type Colour =
  | { readonly kind: "default" }
  | { readonly kind: "palette"; readonly index: number }
  | { readonly kind: "rgb"; readonly value: number };

/** One place of the window, as an eye would see it. */
export interface Cell {
  /** Empty: the second half of a wide character. */
  readonly text: string;
  readonly front: Colour;
  readonly back: Colour;
  readonly bold: boolean;
  readonly dim: boolean;
  readonly underline: boolean;
  readonly inverse: boolean;
}

/** The window's rows, each as wide as the window. */
export function cellsOf(screen: Terminal): readonly (readonly Cell[])[] {
  const { active } = screen.buffer;
  return Array.from({ length: screen.rows }, (_, row) => {
    const line = active.getLine(active.baseY + row);
    return Array.from({ length: screen.cols }, (_, column) => cellOf(line?.getCell(column)));
  });
}

function cellOf(cell: IBufferCell | undefined): Cell {
  if (cell === undefined) return { text: " ", front, back: front, ...plain };
  return {
    text: cell.getWidth() === 0 ? "" : cell.getChars() || " ",
    front: colour(cell.isFgDefault(), cell.isFgRGB(), cell.getFgColor()),
    back: colour(cell.isBgDefault(), cell.isBgRGB(), cell.getBgColor()),
    bold: cell.isBold() !== 0,
    dim: cell.isDim() !== 0,
    underline: cell.isUnderline() !== 0,
    inverse: cell.isInverse() !== 0,
  };
}

const front: Colour = { kind: "default" };
const plain = { bold: false, dim: false, underline: false, inverse: false };

function colour(isDefault: boolean, isRgb: boolean, value: number): Colour {
  if (isDefault) return { kind: "default" };
  return isRgb ? { kind: "rgb", value } : { kind: "palette", index: value };
}
