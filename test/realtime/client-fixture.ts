import { onTestFinished } from "vitest";
import { Playout } from "../../bridge-task/audio/playout.ts";
import { withDeadline } from "../../bridge-task/deadline.ts";
import { createLogger } from "../../bridge-task/log.ts";
import { RealtimeClient } from "../../bridge-task/realtime/client.ts";
import type { RealtimeClientEvents } from "../../bridge-task/realtime/client-events.ts";
import { ModelSession } from "../../bridge-task/realtime/model-session.ts";
import type { ModelSessionOptions } from "../../bridge-task/realtime/model-session-options.ts";
import { startCloud, type TestCloud } from "../cloud-tests/openai-fixture.ts";

export { apiKey, chirp, silence, startCloud, type TestCloud } from "../cloud-tests/openai-fixture.ts";

export interface Agent {
  cloud: TestCloud;
  client: RealtimeClient;
  /** What a bridge holds of the session. */
  session: ModelSession;
  /** The real mouth; the test ticks its frames. */
  playout: Playout;
  log: { event: string; [field: string]: unknown }[];
}

/** A client with a real playout queue in a session of the local Realtime server; both end with the test. */
export const startAgent = async (
  options: Partial<ModelSessionOptions & { betaEventNames: boolean }> = {},
  settings: Parameters<typeof startCloud>[0] = {},
): Promise<Agent> => {
  const cloud = await startCloud(settings);
  return connectAgent(cloud, options);
};

export const connectAgent = async (
  cloud: TestCloud,
  options: Partial<ModelSessionOptions & { betaEventNames: boolean }> = {},
): Promise<Agent> => {
  const playout = new Playout();
  const log: Agent["log"] = [];
  const logger = createLogger({ level: "debug", write: (line) => log.push(JSON.parse(line)) });
  const session = await ModelSession.open({
    apiKey: "sk-test",
    baseUrl: cloud.baseUrl,
    wsOptions: { ca: cloud.caPem },
    voice: playout,
    logger,
    ...options,
  });
  const { betaEventNames } = options;
  const client = new RealtimeClient({ session, disconnect: () => session.close(), betaEventNames, logger });
  session.events.on("close", (notice) => client.finish(notice));
  onTestFinished(() => client.disconnect());
  return { cloud, client, session, playout, log };
};

/** The next event of this name. */
export const next = <Name extends keyof RealtimeClientEvents & string>(
  client: RealtimeClient,
  name: Name,
  match: (...args: RealtimeClientEvents[Name]) => boolean = () => true,
): Promise<RealtimeClientEvents[Name][0]> => {
  const found = new Promise<RealtimeClientEvents[Name][0]>((resolve) => {
    const listener = (...args: RealtimeClientEvents[Name]) => {
      if (!match(...args)) return;
      client.off(name, listener);
      resolve(args[0]);
    };
    client.on(name, listener);
  });
  return withDeadline(found, 5_000, `waiting for ${name}`);
};

/** A tool that the application only declares and answers itself; the model calls it when it is typed to, and says "Done." afterwards. */
export const declareTheirTool = ({ cloud, client }: Agent): void => {
  cloud.mind.add([
    { when: { after: "tool" }, reply: { text: "Done." } },
    { when: { heard: "hello" }, reply: { toolCalls: [{ name: "theirs", arguments: {}, callId: "call_theirs" }] } },
  ]);
  client.updateSession({ tools: [{ type: "function", name: "theirs", parameters: { type: "object" } }] });
};

/** Everything of one name from here on. */
export const collect = <Name extends keyof RealtimeClientEvents & string>(
  client: RealtimeClient,
  name: Name,
): RealtimeClientEvents[Name][0][] => {
  const all: RealtimeClientEvents[Name][0][] = [];
  client.on(name, (...args: RealtimeClientEvents[Name]) => all.push(args[0]));
  return all;
};

/** Speaks so many frames of 20 ms. */
export const play = (playout: Playout, frameCount: number): void => {
  for (let frame = 0; frame < frameCount; frame += 1) playout.nextFrame();
};
