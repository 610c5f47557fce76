import { render } from "ink";
import { Component, type ReactNode } from "react";
import { Screen } from "./components/screen.tsx";
import type { Store } from "./store.ts";
import type { InkInput } from "./terminal.ts";

export interface Drawn {
  /** Restores the screen; settles when the last bytes are out, or at once when there is nobody to write to. */
  unmount(): Promise<void>;
}

interface MountOptions {
  readonly stdout: NodeJS.WriteStream;
  readonly altScreen: boolean;
}

/** The only file that loads Ink's renderer: import it after the colours are settled. `onCrash` is called when drawing fails. */
export function mount(store: Store, stdin: InkInput, options: MountOptions, onCrash: (error: unknown) => void): Drawn {
  const instance = render(
    <Boundary onCrash={onCrash}>
      <Screen store={store} />
    </Boundary>,
    {
      stdout: options.stdout,
      stdin: stdin as unknown as NodeJS.ReadStream,
      alternateScreen: options.altScreen,
      incrementalRendering: true,
      interactive: true,
      maxFps: 12,
      exitOnCtrlC: false,
      patchConsole: false,
      isScreenReaderEnabled: false,
    },
  );
  return {
    async unmount() {
      const gone = instance.waitUntilExit().catch(onCrash);
      instance.unmount();
      await Promise.race([gone, new Promise((resolve) => setTimeout(resolve, unmountMs).unref())]);
    },
  };
}

const unmountMs = 1000;

interface BoundaryProps {
  readonly onCrash: (error: unknown) => void;
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
