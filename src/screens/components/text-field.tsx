import { Box, Text } from "ink";
import TextInput from "ink-text-input";
import type { ReactNode } from "react";
import type { FieldSlot } from "../views/body.ts";

interface Props {
  readonly slot: FieldSlot;
  readonly columns: number;
  /** Without colours no cursor can be drawn: the end of the text is shown by `_`. */
  readonly plainCursor: boolean;
  readonly onChange: (text: string) => void;
}

/** The field that has the focus. What does not fit shows its end, after `..`; the editor stays mounted behind it. */
export function TextField({ slot, columns, plainCursor, onChange }: Props): ReactNode {
  const room = columns - slot.label.length - 1;
  const fits = slot.value.length < room;
  const after = fits && slot.after !== undefined ? slot.after.map((part) => part.text).join("") : "";
  const roomAfter = room - slot.value.length - 1;
  return (
    <Box height={1} flexShrink={0}>
      <Text bold>{slot.label}</Text>
      <Box height={fits ? 1 : 0} overflow="hidden">
        <TextInput key={slot.id} value={slot.value} onChange={onChange} showCursor={!plainCursor} />
      </Box>
      {fits ? null : <Text wrap="truncate">{`..${slot.value.slice(-(room - 3))}_`}</Text>}
      {fits && plainCursor ? <Text>_</Text> : null}
      {after.length > 0 && after.length < roomAfter ? <Text>{after}</Text> : null}
    </Box>
  );
}
