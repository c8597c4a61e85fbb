import { Playout } from "../../bridge-task/audio/playout.ts";
import { ModelError } from "../../bridge-task/realtime/model-errors.ts";
import { ModelSession } from "../../bridge-task/realtime/model-session.ts";
import { defaultModel, defaultSession } from "../../bridge-task/realtime/session/config.ts";
import { openAiUrl } from "../live/checks.ts";
import { type Event, ProbeSession } from "./probe-session.ts";
import { askAboutResponses, askAboutTools } from "./response-probes.ts";
import type { Stage } from "./stage.ts";
import type { Steps } from "./steps.ts";

const openMs = 20_000;
const questionsMs = 90_000;

const update = (session: object): Event => ({ type: "session.update", session: { type: "realtime", ...session } });

const withIdleTimeout = (idle_timeout_ms: number): Event =>
  update({ audio: { input: { turn_detection: { type: "server_vad", idle_timeout_ms } } } });

/** What costs nothing: settings and mistakes. */
const askAboutSettings = async (session: ProbeSession, stage: Stage): Promise<void> => {
  const { probes } = stage.seen.noted;
  const ask = async (name: string, event: Event, accepted: string) => {
    probes[name] = await session.ask(event, accepted);
  };
  await ask("default session", update(defaultSession()), "session.updated");
  await ask("unknown setting", update({ live_check: 1 }), "session.updated");
  await ask("unknown voice", update({ audio: { output: { voice: "live-check" } } }), "session.updated");
  await ask("update with one bad part", update({ max_output_tokens: 333, live_check: 1 }), "session.updated");
  // Its echo tells whether the good part of the one before is in force.
  await ask("update after it", update({ instructions: "You are on a test call." }), "session.updated");
  for (const ms of [4_999, 5_000, 30_000, 30_001]) {
    await ask(`idle timeout ${ms}`, withIdleTimeout(ms), "session.updated");
  }
  // The voice as it was, and nothing that speaks by itself.
  await ask("voice again", update({ audio: { output: { voice: "marin" } } }), "session.updated");
  await ask("no turn detection", update({ audio: { input: { turn_detection: null } } }), "session.updated");
};

const askForMistakes = async (session: ProbeSession, stage: Stage): Promise<void> => {
  const { probes } = stage.seen.noted;
  const ask = async (name: string, event: Event, accepted: string) => {
    probes[name] = await session.ask(event, accepted);
  };
  const item_id = "live_check_no_such_item";
  await ask("cancel of nothing", { type: "response.cancel" }, "response.done");
  await ask("delete of nothing", { type: "conversation.item.delete", item_id }, "conversation.item.deleted");
  const truncate = { type: "conversation.item.truncate", item_id, content_index: 0, audio_end_ms: 100 };
  await ask("truncate of nothing", truncate, "conversation.item.truncated");
  await ask("commit of nothing", { type: "input_audio_buffer.commit" }, "input_audio_buffer.committed");
};

/** How the bridge itself sees a refusal. */
const refused = async (stage: Stage, name: string, given: { apiKey?: string; model?: string }): Promise<void> => {
  const { keys, logger, seen } = stage;
  try {
    const session = await ModelSession.open({
      apiKey: given.apiKey ?? keys.openAiApiKey,
      baseUrl: keys.openAiBaseUrl,
      model: given.model,
      voice: new Playout(),
      logger,
    });
    seen.noted.refusals[name] = { opened: true };
    await session.close();
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    seen.noted.refusals[name] = { opened: false, reason: error.reason, code: error.code };
  }
};

/** The questions to the model server that need no call. */
export const askOpenAi = async (stage: Stage, steps: Steps): Promise<void> => {
  const { keys } = stage;
  let session: ProbeSession | undefined;
  const withSession = (work: (session: ProbeSession, stage: Stage) => Promise<void>) => async () => {
    if (session) await work(session, stage);
  };
  const baseUrl = keys.openAiBaseUrl ?? openAiUrl;
  const open = async () => {
    session = await ProbeSession.open({ baseUrl, apiKey: keys.openAiApiKey, model: defaultModel });
  };
  const needs = ["model session"];
  const run = (name: string, work: (session: ProbeSession, stage: Stage) => Promise<void>) =>
    steps.run({ name, timeoutMs: questionsMs, needs, work: withSession(work) });
  try {
    await steps.run({ name: "model session", timeoutMs: openMs, work: open });
    await run("settings", askAboutSettings);
    await run("mistakes", askForMistakes);
    await run("responses", askAboutResponses);
    await run("tool calls", askAboutTools);
  } finally {
    session?.close();
  }
  const wrongKey = () => refused(stage, "wrong key", { apiKey: "sk-live-check-no-such-key" });
  await steps.run({ name: "wrong key", timeoutMs: openMs * 2, work: wrongKey });
  const wrongModel = () => refused(stage, "unknown model", { model: "live-check-no-such-model" });
  await steps.run({ name: "unknown model", timeoutMs: openMs * 2, work: wrongModel });
};
