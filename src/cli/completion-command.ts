import type { Command } from "commander";
import { environments } from "../core/effect.ts";
import type { Does } from "./command-parts.ts";
import { completionScript, type Shell, shells } from "./completion.ts";
import { lineWriter } from "./output.ts";
import type { Io } from "./parts.ts";

const completionHelp = `
Example:
  source <(holdfast completion bash)        # into ~/.bashrc
  source <(holdfast completion zsh)         # into ~/.zshrc
  holdfast completion fish | source         # into ~/.config/fish/config.fish
`;

export function addCompletion(program: Command, does: Does, io: Io): void {
  program
    .command("completion")
    .description("print a completion script for a shell")
    .addArgument(program.createArgument("<shell>", "which shell").choices([...shells]))
    .addHelpText("after", completionHelp)
    .action((shell: Shell) =>
      does({}, async () => {
        const { shippedRunbooks } = await import("../runbooks/shipped.ts");
        const runbooks = { words: [...shippedRunbooks().keys()], orFile: true };
        const commands = { words: program.commands.map((one) => one.name()), orFile: false };
        const known = {
          flags: { "--environment": environments },
          arguments: { run: runbooks, drill: runbooks, lint: runbooks, help: commands },
        };
        lineWriter(io.stdout)(completionScript(shell, program, known));
        return "ok" as const;
      }),
    );
}
