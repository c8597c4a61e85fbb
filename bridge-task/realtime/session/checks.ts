import { isDeepStrictEqual } from "node:util";
import type { SettingsDraft } from "./draft.ts";
import type { SessionState } from "./keys.ts";
import { isTree } from "./tree.ts";

/*
 * What the server is known to refuse, and with it the whole update. Each check leaves out no more than it must. What is an
 * open list (models, voices, languages) or may change without notice is for the server to judge.
 */

export const checkTemperature = (draft: SettingsDraft): void => {
  if (draft.get("temperature") === undefined) return;
  const { temperature: _, ...rest } = draft.tree;
  draft.tree = rest;
  draft.warn("temperature", "temperature is gone from the Realtime API and was left out.");
};

/** These hold other settings: null or a word in their place would be refused. */
export const checkGroups = (draft: SettingsDraft): void => {
  for (const path of ["audio", "audio.input", "audio.output"]) {
    const value = draft.get(path);
    if (value !== undefined && !isTree(value)) draft.leaveOut(path, "it must be an object of settings.");
  }
};

/** Text and audio together can no longer be asked for; audio brings its transcript anyway. */
export const checkModalities = (draft: SettingsDraft): void => {
  const modalities = draft.get("output_modalities");
  if (!Array.isArray(modalities)) return;
  if (modalities.includes("audio")) draft.set("output_modalities", ["audio"]);
  else if (modalities.length === 0) draft.leaveOut("output_modalities", 'it must be ["audio"] or ["text"].');
};

export const checkMaxTokens = (draft: SettingsDraft): void => {
  const limit = draft.get("max_output_tokens");
  if (typeof limit !== "number" || (Number.isInteger(limit) && limit >= 1 && limit <= 4_096)) return;
  draft.leaveOut("max_output_tokens", `it must be a whole number from 1 to 4096, or "inf", and was ${limit}.`);
};

const slowest = 0.25;
const fastest = 1.5;

/** The nearest that there is comes closer to what is meant than no change. */
export const checkSpeed = (draft: SettingsDraft): void => {
  const speed = draft.get("audio.output.speed");
  if (typeof speed !== "number" || (speed >= slowest && speed <= fastest)) return;
  const nearest = Math.min(fastest, Math.max(slowest, speed));
  draft.set("audio.output.speed", nearest);
  draft.warn(
    "audio.output.speed",
    `audio.output.speed was set to ${nearest}: it must be from ${slowest} to ${fastest}, and was ${speed}.`,
  );
};

const isPcm24k = (format: unknown): boolean =>
  format === "pcm16" || (isTree(format) && format.type === "audio/pcm" && (format.rate ?? 24_000) === 24_000);

export const checkFormats = (draft: SettingsDraft): void => {
  for (const path of ["audio.input.format", "audio.output.format"]) {
    const format = draft.get(path);
    if (format !== undefined && !isPcm24k(format))
      draft.leaveOut(path, "a call is carried as 24 kHz PCM, and the caller hears no difference.");
    else if (format === "pcm16") draft.set(path, { type: "audio/pcm", rate: 24_000 });
  }
};

const ofServerVad = ["threshold", "prefix_padding_ms", "silence_duration_ms", "idle_timeout_ms"];
const ofSemanticVad = ["eagerness"];

export const checkTurnDetection = (draft: SettingsDraft): void => {
  const path = "audio.input.turn_detection";
  const detection = draft.get(path);
  if (!isTree(detection)) return;
  const type = detection.type ?? (detection.eagerness === undefined ? "server_vad" : "semantic_vad");
  draft.set(path, { type, ...detection });
  if (type !== "server_vad" && type !== "semantic_vad") return;
  const [foreign, owner] = type === "server_vad" ? [ofSemanticVad, "semantic_vad"] : [ofServerVad, "server_vad"];
  for (const key of foreign) {
    if (detection[key] !== undefined) draft.leaveOut(`${path}.${key}`, `${type} has none, only ${owner} does.`);
  }
};

export const checkVoice = (draft: SettingsDraft, { voiceHeard }: Pick<SessionState, "voiceHeard">): void => {
  if (voiceHeard && draft.get("audio.output.voice") !== undefined)
    draft.leaveOut("audio.output.voice", "the voice cannot change once the agent has spoken.");
};

export const checkTracing = (draft: SettingsDraft, { tracing }: Pick<SessionState, "tracing">): void => {
  const asked = draft.get("tracing");
  if (asked === undefined || tracing === undefined || tracing === null || isDeepStrictEqual(asked, tracing)) return;
  draft.leaveOut("tracing", "tracing cannot change once it is on.");
};
