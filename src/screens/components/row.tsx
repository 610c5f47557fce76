import { Box, Text } from "ink";
import { memo, type ReactNode } from "react";
import type { Row, Span, Tone } from "../rows.ts";

interface TextLook {
  readonly bold?: boolean;
  readonly inverse?: boolean;
  readonly color?: string;
}

/** Eight basic colours, so that a terminal's theme decides; never dim, never grey, a background only for the production banner. */
const looks: Readonly<Record<Tone, TextLook>> = {
  plain: {},
  strong: { bold: true },
  alarm: { bold: true, inverse: true, color: "red" },
  caution: { color: "yellow" },
  good: { color: "green" },
  bad: { color: "red" },
};

interface Props {
  readonly line: Row;
}

/** One row of the screen; drawn anew only when its text or its tones changed. */
export const RowLine = memo(drawRow, (before, after) => sameRow(before.line, after.line));

function drawRow({ line }: Props): ReactNode {
  return (
    <Box height={1} flexShrink={0}>
      <Text wrap="truncate">
        {line.length === 0 ? " " : line.map((part, index) => <SpanText key={index} part={part} />)}
      </Text>
    </Box>
  );
}

function SpanText({ part }: { readonly part: Span }): ReactNode {
  return <Text {...looks[part.tone]}>{part.text}</Text>;
}

function sameRow(before: Row, after: Row): boolean {
  if (before === after) return true;
  return (
    before.length === after.length &&
    before.every((part, i) => part.text === after[i]?.text && part.tone === after[i]?.tone)
  );
}
