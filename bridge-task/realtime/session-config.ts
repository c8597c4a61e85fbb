import type { RealtimeSessionCreateRequest } from "openai/resources/realtime/realtime";
import { type KnownKeys, knownKeys, legacyPaths, type SessionUpdate } from "./session-settings.ts";

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

type Tree = Record<string, unknown>;

const isTree = (value: unknown): value is Tree => typeof value === "object" && value !== null && !Array.isArray(value);

const at = (tree: Tree, path: readonly string[]): unknown =>
  path.reduce<unknown>((value, key) => (isTree(value) ? value[key] : undefined), tree);

const put = (tree: Tree, [key = "", ...rest]: readonly string[], value: unknown): Tree => ({
  ...tree,
  [key]: rest.length === 0 ? value : put(isTree(tree[key]) ? tree[key] : {}, rest, value),
});

const take = (tree: Tree, [key = "", ...rest]: readonly string[]): Tree => {
  const { [key]: value, ...others } = tree;
  if (rest.length === 0) return others;
  if (!isTree(value)) return tree;
  const smaller = take(value, rest);
  return Object.keys(smaller).length === 0 ? others : { ...others, [key]: smaller };
};

/** The known part of a tree, without undefined values; the paths of what it left out go to `unknown`. */
const keepKnown = (tree: Tree, known: KnownKeys, path: string, unknown: string[]): Tree => {
  const kept: Tree = {};
  for (const [key, value] of Object.entries(tree)) {
    if (value === undefined) continue;
    const below = Object.hasOwn(known, key) ? known[key] : undefined;
    if (below === undefined) {
      unknown.push(path + key);
      continue;
    }
    const rest = below === "value" || !isTree(value) ? value : keepKnown(value, below, `${path}${key}.`, unknown);
    // An object of which nothing was known changes nothing.
    if (rest === value || !isTree(rest) || Object.keys(rest).length > 0) kept[key] = rest;
  }
  return kept;
};

const withLegacyKeys = (settings: Tree): Tree => {
  let tree = settings;
  for (const [key, path] of Object.entries(legacyPaths)) {
    if (!Object.hasOwn(tree, key)) continue;
    const { [key]: value, ...others } = tree;
    // Where both shapes name a setting, today's wins.
    tree = value === undefined || at(others, path) !== undefined ? others : put(others, path, value);
  }
  return tree;
};

const isPcm24k = (format: unknown): boolean =>
  format === "pcm16" || (isTree(format) && format.type === "audio/pcm" && (format.rate ?? 24_000) === 24_000);

/** A tree of settings as an update, undefined where it would change nothing. */
const asUpdate = ({ type: _, ...settings }: Tree): RealtimeSessionCreateRequest | undefined =>
  Object.keys(settings).length === 0 ? undefined : { ...settings, type: "realtime" };

export interface NormalizedSession {
  /** What to send; undefined where nothing is left of the update. */
  session: RealtimeSessionCreateRequest | undefined;
  /** One sentence per setting that was left out or changed. */
  warnings: string[];
}

/**
 * Makes of what an application asks an update that the server can accept: old flat keys moved to where they live now, and
 * what cannot be (unknown keys, another audio format, a voice after the first word) left out and named.
 */
export const normalizeSession = (settings: SessionUpdate, state: { voiceHeard: boolean }): NormalizedSession => {
  const warnings: string[] = [];
  const { temperature, ...asked } = settings as Tree;
  if (temperature !== undefined) warnings.push("temperature is gone from the Realtime API and was left out.");
  let tree = withLegacyKeys(asked);

  const leaveOut = (path: string, why: string): void => {
    tree = take(tree, path.split("."));
    warnings.push(`${path} was left out: ${why}`);
  };
  if (tree.model !== undefined) leaveOut("model", "the model is chosen when connecting.");
  for (const path of ["audio.input.format", "audio.output.format"]) {
    const format = at(tree, path.split("."));
    if (format !== undefined && !isPcm24k(format))
      leaveOut(path, "a call is carried as 24 kHz PCM, and the caller hears no difference.");
    else if (format === "pcm16") tree = put(tree, path.split("."), { type: "audio/pcm", rate: 24_000 });
  }
  if (state.voiceHeard && at(tree, ["audio", "output", "voice"]) !== undefined) {
    leaveOut("audio.output.voice", "the voice cannot change once the agent has spoken.");
  }

  const unknown: string[] = [];
  tree = keepKnown(tree, knownKeys, "", unknown);
  if (unknown.length > 0) warnings.push(`Unknown session settings were left out: ${unknown.join(", ")}.`);

  tree = withShapesCompleted(tree);
  return { session: asUpdate(tree), warnings };
};

/** Fills in what the protocol now demands and the old one did not. */
const withShapesCompleted = (tree: Tree): Tree => {
  let completed = tree;
  const modalities = tree.output_modalities;
  // Text and audio together can no longer be asked for; audio brings its transcript anyway.
  if (Array.isArray(modalities) && modalities.includes("audio"))
    completed = put(completed, ["output_modalities"], ["audio"]);
  if (Array.isArray(tree.tools)) {
    const tools = tree.tools.map((tool: unknown) => (isTree(tool) ? { type: "function", ...tool } : tool));
    completed = put(completed, ["tools"], tools);
  }
  const turnDetection = at(tree, ["audio", "input", "turn_detection"]);
  if (isTree(turnDetection) && turnDetection.type === undefined) {
    const type = turnDetection.eagerness === undefined ? "server_vad" : "semantic_vad";
    completed = put(completed, ["audio", "input", "turn_detection"], { type, ...turnDetection });
  }
  return completed;
};

/** `session.tools[0].name` as `["tools", "0", "name"]`. */
const pathOf = (param: string): string[] =>
  param
    .replace(/^session\./, "")
    .split(/[.[\]]+/)
    .filter((part) => part !== "");

/**
 * The update without the setting that the server refused, so that the rest of it is not lost; undefined where the
 * parameter is not in it or nothing would be left. In a list (tools) the whole entry goes.
 */
export const withoutRefused = (
  session: RealtimeSessionCreateRequest,
  param: string,
): RealtimeSessionCreateRequest | undefined => {
  const path = pathOf(param);
  const index = path.findIndex((part) => /^\d+$/.test(part));
  const tree: Tree = { ...session };
  let smaller: Tree;
  if (index > 0) {
    const list = at(tree, path.slice(0, index));
    if (!Array.isArray(list) || Number(path[index]) >= list.length) return undefined;
    smaller = put(tree, path.slice(0, index), list.toSpliced(Number(path[index]), 1));
  } else {
    if (path.length === 0 || path[0] === "type" || at(tree, path) === undefined) return undefined;
    smaller = take(tree, path);
  }
  return asUpdate(smaller);
};

const subtract = (tree: Tree, newer: Tree): Tree =>
  Object.fromEntries(
    Object.entries(tree).flatMap(([key, value]) => {
      if (!Object.hasOwn(newer, key)) return [[key, value]];
      const below = newer[key];
      if (!isTree(value) || !isTree(below)) return [];
      const rest = subtract(value, below);
      return Object.keys(rest).length === 0 ? [] : [[key, rest]];
    }),
  );

/** The update without what a newer one sets; undefined where nothing is left. */
export const withoutNewer = (
  session: RealtimeSessionCreateRequest,
  newer: RealtimeSessionCreateRequest,
): RealtimeSessionCreateRequest | undefined => asUpdate(subtract({ ...session }, { ...newer }));

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
  interruptResponse: boolean;
}

/** What the server's own echo of the session says about turns; null where voice activity detection is off. */
export const effectiveTurnDetection = (session: unknown): EffectiveTurnDetection | null => {
  const detection = at(isTree(session) ? session : {}, ["audio", "input", "turn_detection"]);
  if (!isTree(detection)) return null;
  // An echo that leaves them out leaves interrupting to us: a cancel too many is harmless, one too few is not.
  return {
    createResponse: detection.create_response !== false,
    interruptResponse: detection.interrupt_response === true,
  };
};
