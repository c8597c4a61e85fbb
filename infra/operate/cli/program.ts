import { Command, CommanderError } from "commander";
import { messageOf } from "../../../bridge-task/errors.ts";
import { AgentsApiError } from "../../../functions/api/client-error.ts";
import { callOf } from "./call-id.ts";
import { runDoctor } from "./commands/doctor.ts";
import { showEnv } from "./commands/env.ts";
import { type JoinOptions, joinCall } from "./commands/join.ts";
import { listAgents } from "./commands/list.ts";
import { showLogs } from "./commands/logs.ts";
import { leaveCall, sayInCall, showRecord } from "./commands/talk.ts";
import { CommandError, type ExitCode, exitCodes, exitCodesText, fromApi } from "./failure.ts";
import { createOperator, type Operator } from "./operator.ts";
import { spanMsOf } from "./since.ts";
import { stageOf } from "./stage.ts";
import type { Terminal } from "./terminal.ts";

export interface ProgramOptions {
  terminal: Terminal;
  environment: Readonly<Record<string, string | undefined>>;
  /** Where .sst is looked for. */
  folder: string;
  /** Aborted by Ctrl-C. */
  signal: AbortSignal;
}

const run = "npm run agents --";

/** Without npm's own lines, which it writes to stdout. */
const silentRun = "npm run --silent agents --";

const examples = (...lines: string[]): string => `\nExamples:\n${lines.map((line) => `  ${run} ${line}\n`).join("")}`;

const callNote = "\n<call> is type:id; an id alone is that of a call of type default.";

const collected = (value: string, before: string[] = []): string[] => [...before, value];

type Globals = { stage?: string; json?: boolean };

const createProgram = (options: ProgramOptions): Command => {
  const { terminal, environment, folder, signal } = options;

  /** Hands the command an operator, and closes that in the end. */
  const operating = async (command: Command, work: (operator: Operator) => Promise<void>): Promise<void> => {
    const { stage: option, json = false } = command.optsWithGlobals<Globals>();
    const stage = stageOf({ option, environment, folder });
    const operator = createOperator({ stage, terminal, isJson: json, signal });
    try {
      await work(operator);
    } finally {
      operator.close();
    }
  };

  const program = new Command("agents")
    .description("Operates a deployment of stream-agent-bridge: agents in calls, its keys, its health.")
    .usage("<command> [options]")
    .option("--stage <stage>", "which deployment; else SST_STAGE, else your own stage, as sst keeps it in .sst/stage")
    .option("--json", "data for programs on stdout, nothing there on failure; all else goes to stderr")
    .showHelpAfterError(`(${run} --help tells more)`)
    .configureHelp({ showGlobalOptions: true })
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.out(text),
      writeErr: (text) => terminal.err(text),
    })
    .addHelpText(
      "after",
      `\nRegion and credentials are found as by every AWS tool: AWS_REGION, AWS_PROFILE, AWS_ACCESS_KEY_ID, …\nFor programs and files: ${silentRun} <command> --json, without npm's own lines on stdout.\n\n${exitCodesText}`,
    );

  program
    .command("list")
    .description("calls that have an agent now: since when, and what it does; of one call also those of the last week")
    .argument("[call]", "type:id")
    .addHelpText("after", callNote + examples("list", "list default:42 --json"))
    .action((call: string | undefined, _options, command: Command) =>
      operating(command, (operator) => listAgents(operator, call === undefined ? undefined : callOf(call))),
    );

  program
    .command("join")
    .description("puts an agent into a call")
    .argument("<call>", "type:id")
    .option("--agent <name>", "an agent as code; where there is only one, it need not be named")
    .option("--user <id>", "Stream user that the agent is; without --agent it needs --instructions")
    .option("--name <name>", "name of that user, where it has none")
    .option("--instructions <text>", "what the model is told; @file reads it from a file")
    .option("--greeting <text>", "what it is told to do when somebody can first hear it")
    .option("--voice <voice>", "a voice of the model")
    .option("--model <model>", "a Realtime model")
    .option("--tool <tool>", "name of a tool; may be given several times", collected)
    .addHelpText(
      "after",
      callNote +
        examples(
          "join default:42 --agent lucy",
          'join 42 --user max --instructions "You are Max, a waiter." --greeting "Welcome the guests." --voice marin',
          "join 42 --user max --instructions @max.txt --tool get_current_time --tool end_call",
        ),
    )
    .action((call: string, given: JoinOptions, command: Command) =>
      operating(command, (operator) => joinCall(operator, callOf(call), given)),
    );

  program
    .command("leave")
    .description("sends an agent away; it finishes its sentence")
    .argument("<call>", "type:id")
    .option("--user <id>", "which agent, where there are several")
    .addHelpText("after", callNote + examples("leave default:42", "leave 42 --user max"))
    .action((call: string, { user }: { user?: string }, command: Command) =>
      operating(command, (operator) => leaveCall(operator, callOf(call), user)),
    );

  program
    .command("say")
    .description("tells an agent something, as if a person had written it")
    .argument("<call>", "type:id")
    .argument("<text>", "what")
    .option("--user <id>", "which agent, where there are several")
    .option("--no-respond", "it is to know it, and not to answer at once")
    .addHelpText(
      "after",
      callNote + examples('say default:42 "The parcel has arrived."', 'say 42 --no-respond "The shop closes at six."'),
    )
    .action((call: string, text: string, given: { user?: string; respond: boolean }, command: Command) =>
      operating(command, (operator) => sayInCall(operator, callOf(call), text, given)),
    );

  program
    .command("logs")
    .description("what the task and the functions logged about a call; times are UTC")
    .argument("<call>", "type:id")
    .option("--follow", "go on with what is logged from now on, until Ctrl-C")
    .option("--since <span>", "how far back: 90s, 30m, 1h, 2d", "1h")
    .addHelpText(
      "after",
      callNote + examples("logs default:42", "logs 42 --follow --since 5m", "logs 42 --json --since 2d"),
    )
    .action((call: string, { follow = false, since }: { follow?: boolean; since: string }, command: Command) =>
      operating(command, (operator) => showLogs(operator, callOf(call), { follow, sinceMs: spanMsOf(since) })),
    );

  program
    .command("record")
    .description("what came of an agent's latest stay in a call, once it has left")
    .argument("<call>", "type:id")
    .option("--user <id>", "which agent, where there were several")
    .addHelpText("after", callNote + examples("record default:42", "record 42 --json"))
    .action((call: string, { user }: { user?: string }, command: Command) =>
      operating(command, (operator) => showRecord(operator, callOf(call), user)),
    );

  program
    .command("env")
    .description("prints AGENTS_URL and AGENTS_KEY, for an application's settings")
    .option("--rotate", "make a new key first; the old one is refused from then on")
    .addHelpText("after", `\nExamples:\n  ${silentRun} env >> .env\n  ${run} env --rotate\n`)
    .action(({ rotate = false }: { rotate?: boolean }, command: Command) =>
      operating(command, (operator) => showEnv(operator, { rotate })),
    );

  program
    .command("doctor")
    .description("checks everything that goes wrong first, and says how to mend it")
    .addHelpText("after", examples("doctor", "doctor --stage production --json"))
    .action((_options, command: Command) => operating(command, runDoctor));

  return program;
};

const failureOf = (error: unknown, { aborted }: AbortSignal): { exitCode: ExitCode; message: string } => {
  const known = error instanceof AgentsApiError ? fromApi(error) : error;
  if (aborted)
    return { exitCode: exitCodes.stopped, message: known instanceof CommandError ? known.message : "stopped" };
  return known instanceof CommandError ? known : { exitCode: exitCodes.failed, message: messageOf(known) };
};

/** Runs a command line (what stands after the program's name). Resolves with the exit code, and never rejects. */
export const runProgram = async (args: readonly string[], options: ProgramOptions): Promise<ExitCode> => {
  const { terminal, signal } = options;
  try {
    await createProgram(options).parseAsync(args, { from: "user" });
    return exitCodes.ok;
  } catch (error) {
    // Commander has said what is wrong, or shown the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    const { exitCode, message } = failureOf(error, signal);
    terminal.err(`${message}\n`);
    return exitCode;
  }
};
