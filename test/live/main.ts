import { BridgeError, InvalidInputError } from "../../bridge-task/errors.ts";
import type { Live } from "./live.ts";
import { startLive } from "./live.ts";
import { type LiveSettings, readLiveArguments, readLiveSettings } from "./settings.ts";
import { liveUsage } from "./usage.ts";

export interface LiveProcess {
  say: (line: string, tookMs?: number) => void;
  /** Told once what ends everything. */
  onClose: (close: () => Promise<void>) => void;
}

/** What the page makes. */
const pageCallType = "default";

const instructions = ({ deployment: { agentsUrl, agentsKey }, pageUrl }: Live, { callTypes }: LiveSettings): string => {
  const body = JSON.stringify({
    user: { id: "max" },
    session: { instructions: "You are Max. Be brief." },
    greeting: "Say hello.",
  });
  const joins =
    callTypes.length === 0
      ? "  Agents come only where you POST for them."
      : `  The agents as code join each new call of type ${callTypes.join(" or ")} in this Stream app, whoever creates it.`;
  const page = callTypes.includes(pageCallType)
    ? `Open ${pageUrl} to talk to one, or use your own app.`
    : `Open ${pageUrl} for a call of your own, and POST for it.`;
  return `
${joins} Ctrl-C: they leave, and everything ends.
  ${page}

  For your app's .env; both are new with each start:
  AGENTS_URL=${agentsUrl}
  AGENTS_KEY=${agentsKey}

  To have an agent join a call, say which one:
  curl ${agentsUrl}/calls/default/CALL_ID/agents -H "authorization: Bearer ${agentsKey}" -d '${body}'

`;
};

/** `npm start -- --live`. Runs until it is closed; resolves with an exit code where it does not. */
export const runLive = async (args: readonly string[], { say, onClose }: LiveProcess): Promise<number | undefined> => {
  const closers: (() => Promise<unknown>)[] = [];
  let closing: Promise<void> | undefined;
  const closeAll = async () => {
    // What a start-up in progress adds meanwhile is ended as well.
    for (let closer = closers.pop(); closer; closer = closers.pop()) await closer();
  };
  const close = () => {
    closing ??= closeAll();
    return closing;
  };
  onClose(close);
  try {
    const { help, postsOnly } = readLiveArguments(args);
    if (help) {
      process.stdout.write(liveUsage);
      return 0;
    }
    const settings = readLiveSettings({ postsOnly });
    const live = await startLive({ settings, say, onClose: (closer) => closers.push(closer) });
    // Ended while it began: there is nothing to use any more.
    if (closing === undefined) process.stdout.write(instructions(live, settings));
    return undefined;
  } catch (error) {
    const isEnding = closing !== undefined;
    await close();
    // What fails because everything is being ended is no failure: who ended it says how the process ends.
    if (isEnding) return undefined;
    // What is ours says what to do; the stack of anything else is for whoever mends it.
    if (!(error instanceof BridgeError)) throw error;
    process.stderr.write(`\n${error.message}\n`);
    if (error instanceof InvalidInputError) process.stderr.write("\nnpm start -- --live --help says more.\n");
    return error instanceof InvalidInputError ? 2 : 1;
  }
};
