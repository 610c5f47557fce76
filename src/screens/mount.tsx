import { render } from "ink";
import { Component, type ReactNode } from "react";
import { RowLine } from "./components/row.tsx";
import { Screen } from "./components/screen.tsx";
import type { Row } from "./rows.ts";
import type { Store } from "./store.ts";
import type { InkInput } from "./terminal.ts";

/** The screens as their store says, or rows that stand until it is there. */
export type Content =
  { readonly kind: "store"; readonly store: Store } | { readonly kind: "rows"; readonly rows: readonly Row[] };

/** Called when drawing fails. */
export type OnCrash = (error: unknown) => void;

export interface Drawn {
  /** Draws this from now on, in the same place. */
  show(content: Content, onCrash: OnCrash): void;
  /** Restores the screen; settles when the last bytes are out, or at once when there is nobody to write to. */
  unmount(): Promise<void>;
}

interface MountOptions {
  readonly stdout: NodeJS.WriteStream;
  readonly altScreen: boolean;
}

/** The only file that loads Ink's renderer: import it after the colours are settled. */
export function mount(content: Content, stdin: InkInput, options: MountOptions, onCrash: OnCrash): Drawn {
  let crashed = onCrash;
  if (options.altScreen) options.stdout.write(enterAtTop);
  const instance = render(drawing(content, onCrash), {
    stdout: options.stdout,
    stdin: stdin as unknown as NodeJS.ReadStream,
    alternateScreen: options.altScreen,
    incrementalRendering: true,
    interactive: true,
    maxFps: 12,
    exitOnCtrlC: false,
    patchConsole: false,
    isScreenReaderEnabled: false,
  });
  return {
    show(next, onNextCrash) {
      crashed = onNextCrash;
      instance.rerender(drawing(next, onNextCrash));
    },
    async unmount() {
      const gone = instance.waitUntilExit().catch(crashed);
      instance.unmount();
      await Promise.race([gone, new Promise((resolve) => setTimeout(resolve, unmountMs).unref())]);
    },
  };
}

function drawing(content: Content, onCrash: OnCrash): ReactNode {
  return (
    <Boundary onCrash={onCrash}>
      {content.kind === "store" ? (
        <Screen store={content.store} />
      ) : (
        content.rows.map((line, index) => <RowLine key={index} line={line} />)
      )}
    </Boundary>
  );
}

const unmountMs = 1000;
/** A terminal keeps its cursor where it was when it changes to the alternate screen, and Ink draws from there: the shell's last row. */
const enterAtTop = "\u001B[?1049h\u001B[H";

interface BoundaryProps {
  readonly onCrash: OnCrash;
  readonly children: ReactNode;
}

/** A fault in drawing must not print our source over the terminal, nor touch the run. React offers this to classes only. */
class Boundary extends Component<BoundaryProps, { readonly failed: boolean }> {
  override state = { failed: false };
  static getDerivedStateFromError(): { readonly failed: boolean } {
    return { failed: true };
  }
  override componentDidCatch(error: unknown): void {
    this.props.onCrash(error);
  }
  override render(): ReactNode {
    return this.state.failed ? null : this.props.children;
  }
}
