import { Command, CommanderError, Option } from "commander";
import { exitCodes, type ExitName } from "../core/exit-codes.ts";
import { Fault } from "../core/errors.ts";
import { offeredIncidents } from "../engines/rehearse.ts";
import { addCompletion } from "./completion-command.ts";
import { type Does, example, faces, list, places, wishes } from "./command-parts.ts";
import { sayFailure } from "./failure.ts";
import type { PlaceFlags } from "./flags.ts";
import { lineWriter } from "./output.ts";
import type { CliParts, Io } from "./parts.ts";
import { startedAs } from "./started.ts";

/** Reads the arguments, runs the command they name, and gives the exit code. Never throws. */
export async function runCommandLine(args: readonly string[], parts: CliParts, io: Io): Promise<number> {
  const done: { exit: ExitName; flags: PlaceFlags } = { exit: "ok", flags: {} };
  heedReader(io);
  const program = commandLine(parts, io, (exit, flags) => Object.assign(done, { exit, flags }));
  try {
    await parse(program, args, parts, io);
    return exitCodes[done.exit].code;
  } catch (error) {
    if (error instanceof CommanderError && error.code === "commander.help") return exitCodes.usage.code; // said already
    const { flags } = done;
    const failure =
      error instanceof CommanderError
        ? commandLineFault(unknownCommand(program, error) ?? error, commandMeant(program, args))
        : error;
    const { journalFolder } = await import("./flags.ts");
    return exitCodes[sayFailure(failure, () => journalFolder(flags, io), startedAs(io, flags), io)].code;
  }
}

/** Whoever read our lines may stop (`| head`): that is no fault of the command's. A run hears of it too, and pauses. */
function heedReader({ stdout, stderr }: Io): void {
  for (const stream of [stdout, stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE" && error.code !== "EIO") throw error;
    });
  }
}

/** Help or the version, asked for, is printed by then; that of `run` goes on with the runbooks, or with what the named one asks for. */
async function parse(program: Command, args: readonly string[], parts: CliParts, io: Io): Promise<void> {
  try {
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError) || error.exitCode !== 0) throw error;
    const meant = commandMeant(program, args);
    if (error.code === "commander.version" || wholeName(meant) !== "holdfast run") return;
    const { runbookHelp } = await import("./runbook-help.ts");
    const named = meant.args.find((word) => !word.startsWith("-"));
    for (const line of runbookHelp(named, await parts.actions())) lineWriter(io.stdout)(line);
  }
}

/** A word that is no command is an argument too many to the reader of the command line: it is asked what it would say without our default. */
function unknownCommand(program: Command, { code }: CommanderError): CommanderError | null {
  const [written] = program.args;
  if (code !== "commander.excessArguments" || written === undefined) return null;
  const names = [...program.commands.map((command) => command.name()), "help"];
  if (names.includes(written)) return null;
  const known = new Command().exitOverride().configureOutput({ outputError: () => undefined });
  for (const name of names) known.command(name);
  try {
    known.parse([written], { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) return error;
  }
  return null;
}

/** The command that the arguments lead to: flags stand after it. */
function commandMeant(command: Command, [word, ...rest]: readonly string[]): Command {
  if (word === "help") return commandMeant(command, rest);
  const sub = command.commands.find((one) => one.name() === word);
  return sub === undefined ? command : commandMeant(sub, rest);
}

/** `holdfast journal show` */
function wholeName(command: Command): string {
  return command.parent === null ? command.name() : `${wholeName(command.parent)} ${command.name()}`;
}

/** What a mistaken command line says quotes what was typed: a URL's password is cut out. It names the help of the command that was meant. */
function commandLineFault({ message }: CommanderError, meant: Command): Fault {
  const words = message
    .replace(/^error: /, "")
    .replace(/^unknown command/, "there is no command")
    .replaceAll(/\s+/g, " ")
    .replaceAll(/\/\/[^/\s]*@/g, "//[secret]@");
  const draft = {
    exit: "usage",
    still: "Nothing was started.",
    hint: "See what there is:",
    next: [`${wholeName(meant)} --help`],
  } as const;
  return new Fault("HF-USAGE", words, draft);
}

type Begin = (exit: ExitName, flags: PlaceFlags) => void;

/** Every command, each loaded when it is run. */
export function commandLine(parts: CliParts, io: Io, begin: Begin): Command {
  const program = new Command("holdfast")
    .description("Walks you through dangerous work on live production data, one guarded step at a time.")
    .version(parts.version)
    .helpCommand("help [command]", "what a command does, and its flags")
    .enablePositionalOptions()
    .exitOverride()
    .hook("preSubcommand", (_, command) => {
      if (Object.keys(program.opts()).some((name) => program.getOptionValueSource(name) === "cli")) {
        program.error(`flags stand after the command: holdfast ${command.name()} ...`);
      }
    })
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      outputError: () => undefined,
    });
  const does: Does = async (flags, work) => {
    begin("ok", flags);
    begin(await work(), flags);
  };
  addScreens(program, does, parts, io);
  addRun(program, does, parts, io);
  addResume(program, does, parts, io);
  addDoctor(program, does, parts, io);
  addLint(program, does, parts, io);
  addInit(program, does, io);
  addDemo(program, does, parts, io);
  addDrill(program, does, parts, io);
  addJournal(program, does, parts, io);
  addCompletion(program, does, io);
  return program;
}

function addScreens(program: Command, does: Does, parts: CliParts, io: Io): void {
  places(program)
    .option("--operator <name>", "who you are, where an account is shared")
    .option("--plain", "no screens: then a command is needed")
    .option("--no-alt-screen", "draw the screens in the scrollback")
    .addHelpText("after", example("holdfast"))
    .action((flags) => does(flags, async () => (await import("./screens.ts")).screensCommand(flags, parts, io)));
}

function addRun(program: Command, does: Does, parts: CliParts, io: Io): void {
  const command = program.command("run <runbook>").description("run a runbook: one that ships, or a file");
  command.option("--target <name>", "the target, as the configuration names it");
  command.option("--set <name=value>", "give an input; may be repeated", list, []);
  command.option("--dry-run", "look at everything, change nothing");
  faces(places(wishes(command)))
    .addHelpText(
      "after",
      example("holdfast run restore-after-bad-delete --target shop --set table=public.orders --dry-run"),
    )
    .action((runbook: string, flags) =>
      does(flags, async () => (await import("./run.ts")).runCommand(runbook, flags, parts, io)),
    );
}

function addResume(program: Command, does: Does, parts: CliParts, io: Io): void {
  const command = program
    .command("resume [run]")
    .description("go on with a run: the one that is open, or the one named");
  command.option("--give-up", "end the run named: give back what it holds; what was written stays");
  faces(places(wishes(command)))
    .addHelpText("after", example("holdfast resume 7F3K"))
    .action((run: string | undefined, flags) =>
      does(flags, async () => (await import("./resume.ts")).resumeCommand(run, flags, parts, io)),
    );
}

function addDoctor(program: Command, does: Does, parts: CliParts, io: Io): void {
  const command = program
    .command("doctor [target...]")
    .description("what could be brought back, were there an incident now; all targets when none is named")
    .option(
      "--table <name>",
      "look at this table; may be repeated (else those of the configuration, else the largest)",
      list,
      [],
    )
    .option("--plain", "lines, as it has them anyway")
    .addOption(new Option("--json", "one target a line").conflicts("plain"));
  places(command)
    .addHelpText("after", example("holdfast doctor shop --table public.orders"))
    .action((targets: string[], flags) =>
      does(flags, async () => (await import("./doctor.ts")).doctorCommand(targets, flags, parts, io)),
    );
}

function addLint(program: Command, does: Does, parts: CliParts, io: Io): void {
  program
    .command("lint [runbook...]")
    .description("check runbooks without a server; all that ship when none is named")
    .option("--json", "one problem a line")
    .addHelpText("after", example("holdfast lint ./my-runbook.yaml"))
    .action((runbooks: string[], flags) =>
      does(flags, async () => (await import("./lint.ts")).lintCommand(runbooks, flags, parts, io)),
    );
}

function addInit(program: Command, does: Does, io: Io): void {
  program
    .command("init")
    .description("write a commented holdfast.yaml; nothing is overwritten")
    .requiredOption("--url-env <name>", "the environment variable that holds the connection URL")
    .requiredOption("--target <name>", "what to call the target")
    .requiredOption("--environment <name>", "production, staging or sandbox")
    .option("--config <file>", "where to write it (else ./holdfast.yaml)")
    .addHelpText("after", example("holdfast init --url-env DATABASE_URL --target shop --environment sandbox"))
    .action((flags) => does({}, async () => (await import("./init.ts")).initCommand(flags, io)));
}

function addDemo(program: Command, does: Does, parts: CliParts, io: Io): void {
  program
    .command("demo")
    .description("an incident on a private server, to be recovered from")
    .addOption(new Option("--incident <kind>", "what went wrong (else delete)").choices(offeredIncidents))
    .option("--auto", "without a terminal: drives itself and proves the result")
    .option("--fresh", "give up the demo that was left, and begin a new one")
    .option("--rows <count>", "orders in the shop", "200000")
    .option("--no-alt-screen", "draw the screens in the scrollback")
    .addHelpText("after", example("holdfast demo --incident vacuumed --auto"))
    .action((flags) => does({}, async () => (await import("./demo-command.ts")).demoCommand(flags, parts, io)));
}

function addDrill(program: Command, does: Does, parts: CliParts, io: Io): void {
  const command = program
    .command("drill <runbook>")
    .description("rehearse a runbook on a private server with live traffic; timed, and told in a report")
    .addOption(new Option("--incident <kind>", "what went wrong (else delete)").choices(offeredIncidents))
    .option("--rows <count>", "orders in the shop", "200000")
    .option("--auto", "nobody is asked: drives itself")
    .option("--fresh", "give up the drill that was left, and begin a new one")
    .option("--keep", "keep the server's folder until the next drill")
    .option("--operator <name>", "who you are, where an account is shared");
  faces(places(command))
    .addHelpText("after", example("holdfast drill restore-after-bad-delete --incident cascade --rows 50000"))
    .action((runbook: string, flags) =>
      does(flags, async () => (await import("./drill-command.ts")).drillCommand(runbook, flags, parts, io)),
    );
}

function addJournal(program: Command, does: Does, parts: CliParts, io: Io): void {
  const journal = program.command("journal").description("read and prove the record of all runs");
  const add = (usage: string, about: string, shown: string) =>
    places(journal.command(usage).description(about))
      .option("--json", "one object a line")
      .addHelpText("after", example(shown));
  const load = () => import("./journal.ts");
  add("list", "every run, newest first", "holdfast journal list").action((flags) =>
    does(flags, async () => (await load()).journalList(flags, parts, io)),
  );
  add("show <run>", "one run's timeline", "holdfast journal show 7F3K").action((run: string, flags) =>
    does(flags, async () => (await load()).journalShow(run, flags, parts, io)),
  );
  add("verify [run]", "prove that nothing was changed or left out", "holdfast journal verify")
    .option("--head <code>", "a journal head that was written down: prove that it is still in there")
    .action((run: string | undefined, flags) =>
      does(flags, async () => (await load()).journalVerify(run, flags, parts, io)),
    );
}
