import type { Row } from "../rows.ts";

/** A text field in the body; drawn by ink-text-input, which also edits it. */
export interface FieldSlot {
  /** Row of the body that the field stands in. */
  readonly at: number;
  /** What stands in front of it on that row. */
  readonly label: string;
  readonly value: string;
  /** Another field is another id: its editor starts anew. */
  readonly id: string;
  /** What follows on that row. */
  readonly after?: Row;
}

export interface PickItem {
  readonly id: string;
  /** Rows in front of the item: the heading of its group. */
  readonly heading: readonly Row[];
  readonly rows: readonly Row[];
}

/** A list that ink-select-input moves in and opens; the rows of an item as they stand when it is not highlighted. */
export interface PickSlot {
  readonly at: number;
  readonly items: readonly PickItem[];
  readonly cursor: number;
  /** Items that have room. */
  readonly limit: number;
}

/** What stands between the header and the footer. */
export interface Body {
  readonly rows: readonly Row[];
  readonly field?: FieldSlot;
  readonly pick?: PickSlot;
  /** How far it can be scrolled; absent where nothing scrolls. */
  readonly lastTop?: number;
  /** Rows that scroll, where they are much fewer than the window has: a page is no more than these. */
  readonly page?: number;
  /** Its first row on the screen, where it follows a highlight unless it was scrolled; and whether that highlight is on the screen. */
  readonly top?: number;
  readonly seesCursor?: boolean;
}
