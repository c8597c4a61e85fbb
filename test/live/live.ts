import { messageOf } from "../../bridge-task/errors.ts";
import { eventTypes } from "../../functions/dispatch/decide.ts";
import { buildBundles } from "../../infra/build/bundles.ts";
import { createEventRoutes } from "../cloud/control.ts";
import { EventLog } from "../cloud/event-log.ts";
import { type LocalDeployment, localStage, startLocalDeployment } from "../cloud/local-deployment.ts";
import { type PageCloud, servePage } from "../cloud/page/server.ts";
import { checkOpenAi, checkStream, clockWarning, KeyCheckError, trust } from "./checks.ts";
import { HookCourier } from "./hook-courier.ts";
import { conflictMessage, hooksOf } from "./hooks.ts";
import { LiveEvents } from "./live-events.ts";
import type { LiveSettings } from "./settings.ts";
import { storyOfAttempt, storyOfCloud, storyOfLine, storyOfNews } from "./story.ts";
import { type Json, StreamApi } from "./stream-api.ts";
import { ensureWatcher, watcherId } from "./watcher-user.ts";

/** How agents have to leave when this ends: SIGTERM, and SIGKILL after so long. */
const goodbyeMs = 8_000;

export interface Live {
  deployment: LocalDeployment;
  /** Where a person talks to the agent in a browser. */
  pageUrl: string;
}

export interface LiveOptions {
  settings: LiveSettings;
  /** A line for the person at the terminal. */
  say: (line: string, tookMs?: number) => void;
  /** What was started, each as soon as it has to be ended; the last one first. */
  onClose: (close: () => Promise<unknown>) => void;
}

/** Asks both services with the keys, and says everything that is wrong in one go. Throws KeyCheckError. */
const checkKeys = async (api: StreamApi, { openAiApiKey, openAiBaseUrl }: LiveSettings) => {
  const [stream, openAi] = await Promise.allSettled([checkStream(api), checkOpenAi(openAiApiKey, openAiBaseUrl)]);
  const failures = [stream, openAi].flatMap((one) => (one.status === "rejected" ? [messageOf(one.reason)] : []));
  if (stream.status === "rejected" || openAi.status === "rejected") throw new KeyCheckError(failures.join("\n"));
  return { ...stream.value, warning: openAi.value };
};

/** Refuses where another deployment's agents would come to the same calls. Throws KeyCheckError. */
const checkHooks = (app: Json, { callTypes }: LiveSettings, say: LiveOptions["say"]): void => {
  const { conflicts, suspects } = hooksOf(app);
  if (conflicts.length > 0 && callTypes.length > 0) throw new KeyCheckError(conflictMessage(conflicts));
  for (const { stage, url } of conflicts) say(`note: stage ${stage} puts its agents into calls, too (${url})`);
  for (const url of suspects) {
    say(`note: if ${url} is a deployment of this project, its agents come as well: use --posts-only, or another app`);
  }
};

/** What the page needs: Stream's own addresses where the settings name none. */
const pageOf = ({ streamApiKey, streamApiSecret, streamBaseUrl }: LiveSettings, log: EventLog): PageCloud => ({
  info: {
    streamApiKey,
    streamApiSecret,
    ...(streamBaseUrl === undefined
      ? {}
      : { streamServerBaseUrl: streamBaseUrl, streamBaseUrl: `${streamBaseUrl}/video` }),
  },
  log,
  control: { app: createEventRoutes(log) },
});

/**
 * The product on this machine, against the services that the settings name: keys are checked first, and nothing is started
 * where they are wrong or another deployment's agents would come as well. Throws KeyCheckError or InvalidInputError then.
 */
export const startLive = async ({ settings, say, onClose }: LiveOptions): Promise<Live> => {
  const { streamApiKey, streamApiSecret, streamBaseUrl, caFile, callTypes } = settings;
  await trust(caFile);
  const api = new StreamApi({ apiKey: streamApiKey, apiSecret: streamApiSecret, baseUrl: streamBaseUrl });
  const step = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    const startedAtMs = performance.now();
    const result = await work();
    say(name, performance.now() - startedAtMs);
    return result;
  };
  const tell = (story: string | null) => story !== null && say(story);

  const { app, nowMs, warning } = await step("keys checked", () => checkKeys(api, settings));
  for (const note of [warning, clockWarning(nowMs, Date.now())]) if (note !== undefined) say(`note: ${note}`);
  checkHooks(app, settings, say);
  const isWatchedElsewhere = await ensureWatcher(api);
  if (isWatchedElsewhere && callTypes.length > 0) {
    say(
      "note: npm start -- --live seems to run on this Stream app elsewhere: then each new call gets two agents. End one",
    );
  }

  const log = new EventLog();
  log.watch((event) => tell(storyOfCloud(event)));
  const bundles = await step("bundles built", () => buildBundles());
  const deployment = await step("AWS stand-in listening", () =>
    startLocalDeployment({
      log,
      services: settings,
      bundles,
      callTypes,
      // A call that names another stage has that one's agents already.
      dispatchEnvironment: { STAGE: localStage },
      toolSecret: settings.secret,
      onOutput: (line) => tell(storyOfLine(line)),
    }),
  );
  onClose(async () => {
    await deployment.aws.close(goodbyeMs);
    await deployment.close();
  });

  const courier = new HookCourier({
    url: deployment.webhookUrl,
    streamApiKey,
    streamApiSecret,
    onAttempt: (attempt) => tell(storyOfAttempt(attempt)),
    onDropped: ({ type, call_cid }) => say(`${type} of ${call_cid} is not passed on: too many events wait`),
  });
  onClose(() => courier.close());
  const events = new LiveEvents({
    api,
    userId: watcherId,
    sinceMs: nowMs,
    eventTypes,
    onEvent: (event) => courier.send(event),
    onNews: (news) => tell(storyOfNews(news)),
  });
  onClose(() => events.close());
  const page = await step("page built", () => servePage(pageOf(settings, log)));
  onClose(() => page.close());
  return { deployment, pageUrl: page.url };
};
