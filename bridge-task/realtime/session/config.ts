import type { RealtimeSessionCreateRequest } from "openai/resources/realtime/realtime";
import {
  checkFormats,
  checkGroups,
  checkMaxTokens,
  checkModalities,
  checkSpeed,
  checkTemperature,
  checkTracing,
  checkTurnDetection,
  checkVoice,
} from "./checks.ts";
import { SettingsDraft } from "./draft.ts";
import { type SessionState, type SessionUpdate, sessionKeys } from "./keys.ts";
import { asUpdate } from "./repair.ts";
import { checkTools } from "./tools.ts";
import { at, isTree, nestLegacyKeys } from "./tree.ts";

export const defaultModel = "gpt-realtime-2.1";

/** Models that the service retired in 2026, among them the one that Stream's documentation names. */
const retiredModels = /^gpt-4o-(mini-)?realtime-preview/;

/** The model to connect with. A retired or missing name becomes the default, the former with a warning. */
export const chooseModel = (requested: string | undefined): { model: string; warnings: string[] } => {
  if (requested === undefined || requested === "") return { model: defaultModel, warnings: [] };
  if (!retiredModels.test(requested)) return { model: requested, warnings: [] };
  return {
    model: defaultModel,
    warnings: [`Model ${requested} was retired by OpenAI; ${defaultModel} is used instead.`],
  };
};

/**
 * What a session has before the application says anything.
 * - `server_vad`: its end of a turn is a stated 500 ms of silence, so the latency of an answer is bounded and every
 *   compatible server has it; `semantic_vad` may wait 4 s (8 s at low eagerness) and is one `updateSession` away.
 * - `gpt-transcribe` is the transcription model without a shutdown date that works beside voice activity detection:
 *   `gpt-live-transcribe` and `gpt-realtime-whisper` refuse any turn detection, and `whisper-1` and `gpt-4o-*transcribe`
 *   end on 2027-02-26.
 */
export const defaultSession = (): RealtimeSessionCreateRequest => ({
  type: "realtime",
  output_modalities: ["audio"],
  audio: {
    input: {
      format: { type: "audio/pcm", rate: 24_000 },
      transcription: { model: "gpt-transcribe" },
      turn_detection: {
        type: "server_vad",
        threshold: 0.5,
        prefix_padding_ms: 300,
        silence_duration_ms: 500,
        create_response: true,
        interrupt_response: true,
      },
    },
    output: { format: { type: "audio/pcm", rate: 24_000 }, voice: "marin" },
  },
});

export interface NormalizedSession {
  /** What to send; undefined where nothing is left of the update. */
  session: RealtimeSessionCreateRequest | undefined;
  /** One sentence per setting that was left out or changed. */
  warnings: string[];
}

/**
 * Settings on their way to an update that the server can accept: old flat keys moved to where they live now, and
 * what cannot be (unknown keys, another audio format, a voice after the first word) left out and named.
 * Throws InvalidInputError where it is no object of settings.
 */
export const draftSession = (settings: SessionUpdate, state: SessionState): SettingsDraft => {
  const draft = new SettingsDraft(settings, "A session update");
  checkTemperature(draft);
  draft.tree = nestLegacyKeys(draft.tree);
  if (draft.get("model") !== undefined) draft.leaveOut("model", "the model is chosen when connecting.");
  checkGroups(draft);
  checkFormats(draft);
  checkVoice(draft, state);
  checkTracing(draft, state);
  checkModalities(draft);
  checkMaxTokens(draft);
  checkSpeed(draft);
  checkTurnDetection(draft);
  checkTools(draft);
  draft.keepKnown(sessionKeys, "session");
  return draft;
};

/** What an application asks, as an update that the server can accept. Throws InvalidInputError where it is no object of settings. */
export const normalizeSession = (settings: SessionUpdate, state: SessionState): NormalizedSession => {
  const { tree, warnings } = draftSession(settings, state);
  return { session: asUpdate(tree), warnings };
};

/** One session on top of another. Objects below `audio.input` and `audio.output` replace each other whole: their keys belong together. */
export const mergeSessions = (
  base: RealtimeSessionCreateRequest,
  over: RealtimeSessionCreateRequest | undefined,
): RealtimeSessionCreateRequest =>
  over === undefined
    ? base
    : {
        ...base,
        ...over,
        audio: {
          input: { ...base.audio?.input, ...over.audio?.input },
          output: { ...base.audio?.output, ...over.audio?.output },
        },
      };

export interface EffectiveTurnDetection {
  createResponse: boolean;
  /**
   * Who ends a response when a person begins to speak. `nobody`: the application wants it so, and the agent talks on, whatever
   * noise is taken for speech.
   */
  interruptedBy: "server" | "us" | "nobody";
}

const interrupters = new Map<unknown, EffectiveTurnDetection["interruptedBy"]>([
  [true, "server"],
  [false, "nobody"],
]);

/** What the server's own echo of the session says about turns; null where voice activity detection is off. */
export const effectiveTurnDetection = (session: unknown): EffectiveTurnDetection | null => {
  const detection = at(isTree(session) ? session : {}, ["audio", "input", "turn_detection"]);
  if (!isTree(detection)) return null;
  return {
    createResponse: detection.create_response !== false,
    // An echo that leaves it out leaves it to us: a cancel too many is harmless, one too few is not.
    interruptedBy: interrupters.get(detection.interrupt_response) ?? "us",
  };
};
