import { defaultModel } from "../../../bridge-task/realtime/session/config.ts";
import type { Observations, ProbeAnswer } from "../observations.ts";
import { type Assumption, differs, holds, judge, notSeen } from "../verdict.ts";
import { at, brief, errorTo, framesOf, objectOf } from "../views.ts";

export const notAsked = "the question was not put, or nothing answered it: see the steps";

/** The answer to a question; undefined where it was not put or nothing came. */
export const answerTo = ({ noted: { probes } }: Observations, name: string): ProbeAnswer | undefined =>
  probes[name]?.type === "none" ? undefined : probes[name];

export const tell = (answer: ProbeAnswer | undefined): string =>
  answer === undefined
    ? "no answer"
    : answer.type === "error"
      ? `refused: ${answer.code}, param ${answer.param}, ${brief(answer.message)}`
      : answer.type;

const outputVoice = (session: unknown): unknown => at(session, "audio", "output", "voice");

const bounds = [
  { ms: 4_999, isTaken: false },
  { ms: 5_000, isTaken: true },
  { ms: 30_000, isTaken: true },
  { ms: 30_001, isTaken: false },
];

const mistakes: Readonly<Record<string, string>> = {
  "cancel of nothing": "response_cancel_not_active",
  "delete of nothing": "item_delete_invalid_item_id",
  "truncate of nothing": "item_truncate_invalid_item_id",
  "commit of nothing": "input_audio_buffer_commit_empty",
};

const refusedOpening = (name: string, codes: readonly string[]) => (seen: Observations) => {
  const refusal = seen.noted.refusals[name];
  if (refusal === undefined) return notSeen(notAsked);
  if (refusal.opened) return notSeen("the server opened a session all the same");
  const { reason, code } = refusal;
  return judge(reason === "model_refused" && codes.includes(code), `${code}, taken for ${reason}`, "");
};

/** Sessions, their settings, and what is refused. */
export const openAiSession: readonly Assumption[] = [
  {
    id: "openai.default-session",
    service: "openai",
    statement: "`gpt-realtime-2.1` and voice `marin` exist; `gpt-transcribe` may be combined with turn detection",
    source: "bridge-task/realtime/session/config.ts",
    ifWrong:
      "The model's name: exit code 82; else the update is repaired without what was refused. Change defaultSession().",
    check: (seen) => {
      const created = framesOf(seen, "openai", "in", "session.created");
      if (created.length === 0) return notSeen("no session was opened: see the steps");
      const updates = framesOf(seen, "openai", "out", "session.update").filter(
        ({ event }) => outputVoice(event.session) === "marin",
      );
      const refused = updates
        .flatMap((sent) => [errorTo(seen, sent) ?? []].flat())
        .filter(({ code }) => code !== "cannot_update_voice");
      if (refused.length > 0) return differs(`refused: ${brief(refused[0])}`);
      const updated = framesOf(seen, "openai", "in", "session.updated").map(({ event }) => event.session);
      const inForce = updated.find((session) => outputVoice(session) === "marin");
      if (!inForce) return notSeen("no settings were answered");
      const { model, transcription, detection } = {
        model: at(inForce, "model"),
        transcription: at(inForce, "audio", "input", "transcription", "model"),
        detection: at(inForce, "audio", "input", "turn_detection", "type"),
      };
      const isAsAsked =
        String(model).startsWith(defaultModel) && transcription === "gpt-transcribe" && detection === "server_vad";
      return judge(isAsAsked, `in force: ${brief(model)}, ${brief(transcription)}, ${brief(detection)}`, "");
    },
  },
  {
    id: "openai.default-silence",
    service: "openai",
    statement: "A new session waits for 500 ms of silence (`silence_duration_ms`) until it is told otherwise",
    source: "test/cloud/openai/config.ts",
    ifWrong: "Only the tests know of it: the bridge always says 500. Set the stand-in's default to what was seen.",
    check: (seen) => {
      const created = framesOf(seen, "openai", "in", "session.created").map(({ event }) => event.session);
      const detection = objectOf(at(created[0], "audio", "input", "turn_detection"));
      if (created.length === 0) return notSeen("no session was opened: see the steps");
      return judge(
        detection.silence_duration_ms === 500,
        `${brief(detection.type)}, ${brief(detection.silence_duration_ms)} ms`,
        "",
      );
    },
  },
  {
    id: "openai.error-names-setting",
    service: "openai",
    statement: "An error names the refused setting in `param`, and the event it answers in `event_id`",
    source: "bridge-task/realtime/session/updates.ts",
    ifWrong: "A refused update is not repaired, and the start fails.",
    check: (seen) => {
      const answer = answerTo(seen, "unknown setting");
      if (!answer) return notSeen(notAsked);
      if (answer.type !== "error") return differs("an unknown setting was accepted");
      const isNamed = answer.param === "session.live_check" && answer.namesEvent === true;
      return judge(isNamed, `${tell(answer)}; names the event: ${answer.namesEvent}`, "");
    },
  },
  {
    id: "openai.unknown-voice",
    service: "openai",
    statement: "An unknown voice is refused with `param: session.audio.output.voice`",
    source: "bridge-task/realtime/session/updates.ts",
    ifWrong: "A mistyped voice is not left out of the update, and the start fails.",
    check: (seen) => {
      const answer = answerTo(seen, "unknown voice");
      if (!answer) return notSeen(notAsked);
      if (answer.type !== "error") return notSeen("the server took the name live-check for a voice");
      return judge(answer.param === "session.audio.output.voice", tell(answer), "");
    },
  },
  {
    id: "openai.update-is-whole",
    service: "openai",
    statement: "An update with one bad setting is refused whole",
    source: "bridge-task/realtime/session/repair.ts",
    ifWrong: "Harmless: what was in force already is asked for a second time.",
    check: (seen) => {
      if (answerTo(seen, "update with one bad part")?.type !== "error") return notSeen(notAsked);
      if (answerTo(seen, "update after it")?.type !== "session.updated") return notSeen(notAsked);
      const limits = framesOf(seen, "openai", "in", "session.updated").map(({ event }) =>
        at(event, "session", "max_output_tokens"),
      );
      if (limits.every((limit) => limit === undefined)) return notSeen("no answer tells the setting");
      const isPartial = limits.includes(333);
      return isPartial ? differs("its good part came into force") : holds("nothing of it came into force");
    },
  },
  {
    id: "openai.idle-timeout-bounds",
    service: "openai",
    statement: "`idle_timeout_ms` may be 5,000 to 30,000",
    source: "test/cloud/openai/config.ts",
    ifWrong: "Only the tests know of it: an agent's own value is passed on, and repaired where it is refused.",
    check: (seen) => {
      const answers = bounds.map(({ ms, isTaken }) => ({ ms, isTaken, answer: answerTo(seen, `idle timeout ${ms}`) }));
      if (answers.some(({ answer }) => answer === undefined)) return notSeen(notAsked);
      const odd = answers.filter(({ isTaken, answer }) => (answer?.type === "session.updated") !== isTaken);
      return odd.length === 0
        ? holds("5,000 and 30,000 taken, 4,999 and 30,001 refused")
        : differs(odd.map(({ ms, answer }) => `${ms}: ${tell(answer)}`).join("; "));
    },
  },
  {
    id: "openai.mistake-codes",
    service: "openai",
    statement: `Mistakes come with the codes of \`model-errors.ts\`: ${Object.values(mistakes).join(", ")}`,
    source: "bridge-task/realtime/model-errors.ts",
    ifWrong: "A harmless race is shown as an error. Add the code that was seen to the table.",
    check: (seen) => {
      const answers = Object.entries(mistakes).map(([name, code]) => ({ name, code, answer: answerTo(seen, name) }));
      const odd = answers.filter(({ code, answer }) => answer !== undefined && answer.code !== code);
      if (odd.length > 0) return differs(odd.map(({ name, answer }) => `${name}: ${tell(answer)}`).join("; "));
      const unanswered = answers.flatMap(({ name, answer }) => (answer === undefined ? [name] : []));
      return unanswered.length === 0 ? holds("as expected") : notSeen(`without an answer: ${unanswered.join(", ")}`);
    },
  },
  {
    id: "openai.wrong-key",
    service: "openai",
    statement: "A wrong key comes with a code of `model-errors.ts` that ends the agent for good",
    source: "bridge-task/realtime/model-errors.ts",
    ifWrong: "A final refusal is retried. Add the code that was seen to the table.",
    check: refusedOpening("wrong key", ["invalid_api_key", "incorrect_api_key"]),
  },
  {
    id: "openai.unknown-model",
    service: "openai",
    statement: "An unknown model comes with a code of `model-errors.ts` that ends the agent for good",
    source: "bridge-task/realtime/model-errors.ts",
    ifWrong: "A final refusal is retried. Add the code that was seen to the table.",
    check: refusedOpening("unknown model", ["model_not_found", "invalid_model"]),
  },
  {
    id: "openai.no-quota",
    service: "openai",
    statement: "An account without credit comes with the codes of `model-errors.ts`",
    source: "bridge-task/realtime/model-errors.ts",
    ifWrong: "A final refusal is retried. Add the code that was seen to the table.",
    check: () =>
      notSeen("it takes an account without credit; the record of a call with model_lost and its code shows it"),
  },
  {
    id: "openai.rate-limits",
    service: "openai",
    statement: "`rate_limits.updated` tells of requests or tokens after a response begins",
    source: "test/cloud/openai/rate-limits.ts",
    ifWrong: "Nothing rests on it yet.",
    check: (seen) => {
      const limits = framesOf(seen, "openai", "in", "rate_limits.updated");
      const created = framesOf(seen, "openai", "in", "response.created");
      if (created.length === 0) return notSeen("there was no response");
      const names = limits.flatMap(({ event }) => (event.rate_limits as { name?: unknown }[] | undefined) ?? []);
      const told = [...new Set(names.map(({ name }) => String(name)))];
      const headers = seen.noted.limitHeaders ?? [];
      return judge(
        told.includes("tokens") || told.includes("requests"),
        `told of: ${told.join(", ") || "nothing"}; headers: ${headers.join(", ") || "none"}`,
        "",
      );
    },
  },
  {
    id: "openai.sessions-at-once",
    service: "openai",
    statement: "As many sessions may be open at once as calls are allowed (`callsAtOnce`)",
    source: "infra/settings.ts",
    ifWrong: "Agents beyond it end with rate_limit_exceeded. Lower callsAtOnce, or ask OpenAI for more.",
    check: () => notSeen("it takes as many paid sessions; the limits page of the OpenAI project tells"),
  },
];
