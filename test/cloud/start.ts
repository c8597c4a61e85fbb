import { withDeadline } from "../../bridge-task/deadline.ts";
import { messageOf } from "../../bridge-task/errors.ts";
import type { CloudEvent } from "./event-log.ts";
import { type Cloud, startCloud } from "./index.ts";
import { servePage } from "./page/server.ts";

const usage = `Usage:
  npm start                  starts the local cloud and a page where you talk to the agent
  npm start -- --headless    plays a caller instead: no browser needed; its own arguments follow
  npm start -- --live        runs against the real Stream and OpenAI with your keys; see npm start -- --live --help
  npm start -- --help        prints this

All but --live runs on loopback and needs no account: Stream, OpenAI and AWS are stand-ins for tests and demos.
`;

/** Longest wait for calls to end when this is stopped. */
const closeTimeoutMs = 15_000;

const startedAtMs = performance.now();

const say = (text: string, tookMs?: number): void => {
  const atSeconds = ((performance.now() - startedAtMs) / 1_000).toFixed(2).padStart(7);
  process.stdout.write(`${atSeconds} s  ${text}${tookMs === undefined ? "" : ` (${tookMs.toFixed(0)} ms)`}\n`);
};

/** What a person at the terminal wants to follow of a call; null for everything else. */
const describe = ({ source, type, data }: CloudEvent): string | null => {
  switch (`${source} ${type}`) {
    case "stream webhook.delivered":
      return data.type === "call.created" ? `webhook told of the new call, answered ${data.outcome}` : null;
    case "stream webhook.failed":
      return `webhook failed for ${data.type}: ${data.outcome}`;
    case "aws task.running":
      return `bridge process started, pid ${data.pid}`;
    case "aws task.stopped":
      return `bridge process ended, exit code ${data.exitCode ?? "none"}`;
    case "openai session.opened":
      return `model session opened, ${data.model}`;
    case "openai session.closed":
      return `model session closed, ${data.code}`;
    case "stream sfu.joined":
      return `${data.userId} joined ${data.cid}`;
    case "stream sfu.left":
      return `${data.userId} left ${data.cid}`;
    default:
      return null;
  }
};

/** Ends the process once the first signal came and everything is closed; a launcher and a terminal may send the same one twice. */
const closeOnSignal = (close: () => Promise<void>): void => {
  let closing = false;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, async () => {
      if (closing) return;
      closing = true;
      say("ending calls and servers");
      try {
        await withDeadline(close(), closeTimeoutMs, "ending everything");
        say("ended");
        process.exit(0);
      } catch (error) {
        say(messageOf(error));
        process.exit(1);
      }
    });
  }
};

const startPage = async (): Promise<void> => {
  let cloud: Cloud | undefined;
  let page: Awaited<ReturnType<typeof servePage>> | undefined;
  closeOnSignal(async () => {
    await page?.close();
    await cloud?.close();
  });
  cloud = await startCloud({ onStep: say });
  cloud.log.watch((event) => {
    const line = describe(event);
    if (line !== null) say(line);
  });
  const pageStartedAtMs = performance.now();
  page = await servePage(cloud);
  say("page built", performance.now() - pageStartedAtMs);
  const { agentsUrl, agentsKey } = cloud.info;
  const body = JSON.stringify({ user: { id: "max" }, session: { instructions: "You are Max. Be brief." } });
  process.stdout.write(
    `\n  Open ${page.url} to talk to the agent. Ctrl-C ends everything.\n` +
      `\n  To have another agent join a call, say which one:\n` +
      `  curl ${agentsUrl}/calls/default/CALL_ID/agents -H "authorization: Bearer ${agentsKey}" -d '${body}'\n\n`,
  );
};

const start = async (args: readonly string[]): Promise<void> => {
  const [first, ...rest] = args;
  if (first === undefined) return startPage();
  if (first === "--headless") {
    // Loaded only when asked for: the page needs nothing of it.
    const { runHeadless } = await import("../caller/headless.ts");
    process.exit(await runHeadless(rest));
  }
  if (first === "--live") {
    const { runLive } = await import("../live/main.ts");
    const exitCode = await runLive(rest, { say, onClose: closeOnSignal });
    if (exitCode !== undefined) process.exit(exitCode);
    return;
  }
  const help = first === "--help" && rest.length === 0;
  (help ? process.stdout : process.stderr).write(help ? usage : `Unknown argument "${args.join(" ")}".\n\n${usage}`);
  process.exit(help ? 0 : 2);
};

try {
  await start(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.stack : messageOf(error)}\n`);
  process.exit(1);
}
