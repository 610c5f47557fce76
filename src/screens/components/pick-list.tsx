import { Box } from "ink";
import SelectInput from "ink-select-input";
import type { ReactNode } from "react";
import { markedRows } from "../frame.ts";
import type { PickItem, PickSlot } from "../views/body.ts";
import { RowLine } from "./row.tsx";

interface Props {
  /** Another list is another id: its highlight starts where the cursor stands. */
  readonly id: string;
  readonly slot: PickSlot;
  readonly onHighlight: (index: number) => void;
  readonly onOpen: (index: number) => void;
}

/** A list of ways to go, none of which acts. ink-select-input moves and opens; the pump keeps from it wrapping, digits, j and k. */
export function PickList({ id, slot, onHighlight, onOpen }: Props): ReactNode {
  const items = slot.items.map((item, index) => ({ key: item.id, label: item.id, value: index, item }));
  return (
    <SelectInput
      key={id}
      items={items}
      initialIndex={slot.cursor}
      limit={slot.limit}
      indicatorComponent={NoIndicator}
      itemComponent={ItemRows}
      onHighlight={(item) => onHighlight(item.value)}
      onSelect={(item) => onOpen(item.value)}
    />
  );
}

function NoIndicator(): ReactNode {
  return null;
}

/** ink-select-input hands an item's own properties on, though its types do not say so. */
function ItemRows(props: { readonly isSelected?: boolean; readonly label: string }): ReactNode {
  const { item } = props as { readonly item?: PickItem };
  if (item === undefined) return null;
  const rows = [...item.heading, ...markedRows(item, props.isSelected ?? false)];
  return (
    <Box flexDirection="column">
      {rows.map((line, index) => (
        <RowLine key={index} line={line} />
      ))}
    </Box>
  );
}
