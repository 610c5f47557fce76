import { Box, usePaste } from "ink";
import { type ReactNode, useCallback, useSyncExternalStore } from "react";
import { frameOf } from "../frame.ts";
import { type Model, routeOf } from "../model.ts";
import type { Store } from "../store.ts";
import { PickList } from "./pick-list.tsx";
import { RowLine } from "./row.tsx";
import { TextField } from "./text-field.tsx";

/** Draws the frame of the model; it holds no state and decides nothing. */
export function Screen({ store }: { readonly store: Store }): ReactNode {
  const model = useSyncExternalStore(store.subscribe, store.get);
  // Asks the terminal for bracketed paste; the pastes themselves are caught by the pump before they get here.
  usePaste(ignore);
  const { columns, rows } = model.size;
  const frame = frameOf(model);
  return (
    <Box flexDirection="column" width={columns} height={Math.max(1, rows - 1)} overflow="hidden">
      <RowLine line={frame.header} />
      <Box flexDirection="column" flexGrow={1} flexShrink={1} overflow="hidden">
        <BodyRows model={model} store={store} frame={frame} />
      </Box>
      {frame.messages.map((line, index) => (
        <RowLine key={index} line={line} />
      ))}
      <RowLine line={frame.footer} />
    </Box>
  );
}

interface BodyProps {
  readonly model: Model;
  readonly store: Store;
  readonly frame: ReturnType<typeof frameOf>;
}

function BodyRows({ model, store, frame }: BodyProps): ReactNode {
  const { dispatch } = store;
  const change = useCallback((text: string) => dispatch({ kind: "field", text }), [dispatch]);
  const { body } = frame;
  const lines = body.rows.map((line, index) =>
    body.field?.at === index ? (
      <TextField
        key={index}
        slot={body.field}
        columns={model.size.columns}
        plainCursor={model.plainCursor}
        onChange={change}
      />
    ) : (
      <RowLine key={index} line={line} />
    ),
  );
  if (body.pick === undefined || body.pick.items.length === 0) return lines;
  const id = `${routeOf(model).kind}:${body.pick.items.map((item) => item.id).join()}`;
  return (
    <>
      {lines.slice(0, body.pick.at)}
      <PickList
        id={id}
        slot={body.pick}
        onHighlight={(index) => dispatch({ kind: "highlighted", index })}
        onOpen={(index) => dispatch({ kind: "opened", index })}
      />
      {lines.slice(body.pick.at)}
    </>
  );
}

function ignore(): void {
  // nothing reaches this
}
