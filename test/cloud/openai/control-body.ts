import { problems } from "./errors.ts";
import { isObject, type JsonObject } from "./json.ts";
import type { Reply, Rule } from "./mind.ts";
import { anything, boolean, type Check, decimal, integer, listOf, object, oneOf, string, stringOr } from "./schema.ts";
import type { Refusal, ResponseFault, Settings } from "./settings.ts";

/** A reader for one kind of body: gives it as `T` once its shape is right, throws what is wrong with it otherwise. */
const reader =
  <T>(check: Check, name: string): ((value: unknown) => T) =>
  (value) => {
    const problem = check(value, name);
    if (problem) throw new TypeError(problem.message);
    return value as T;
  };

const replyShape = object({
  text: string(),
  speech: stringOr(oneOf("flite"), object({ signal: string(), durationMs: decimal(1, 600_000) }, ["signal"])),
  toolCalls: listOf(
    object({ name: string(), arguments: stringOr(string(), anything), callId: string(32) }, ["name", "arguments"]),
  ),
  delayMs: decimal(0),
});

const ruleShape = object(
  {
    when: object({
      heard: string(),
      turn: integer(1),
      after: oneOf("user", "tool", "nothing"),
      instructions: string(),
    }),
    reply: replyShape,
    times: integer(1),
  },
  ["reply"],
);

const chunkMs: Check = (value, path) =>
  Array.isArray(value) && value.length === 2
    ? listOf(decimal(1))(value, path)
    : problems.invalid(path, `'${path}' must be [least, most] in milliseconds.`);

const settingsShape = object({
  paceFactor: decimal(0.01),
  firstAudioMs: decimal(0),
  chunkMs,
  transcription: stringOr(oneOf("after_response"), object({ afterMs: decimal(0) }, ["afterMs"])),
  sessionSeconds: decimal(0),
  responseCreatedAfterMs: decimal(0),
  itemDoneFirst: boolean,
  argumentDeltaMs: decimal(0),
  errorsNameEvents: boolean,
  duplicateTranscriptions: boolean,
  unknownEvents: boolean,
  obfuscation: boolean,
  tokensPerMinute: integer(1),
  missingModels: listOf(string()),
  isOutOfMoney: boolean,
});

const targetKeys = { sessionId: string() };
const dropShape = object({ ...targetKeys, code: integer(1000, 4999), reason: string(120) }, ["sessionId"]);

export const reply = reader<Reply>(replyShape, "reply");
export const rules = reader<Rule[]>(listOf(ruleShape), "rules");
export const heard = reader<{ text: string; sessionId?: string }>(
  object({ text: string(), ...targetKeys }, ["text"]),
  "body",
);
export const settings = reader<Partial<Settings>>(settingsShape, "settings");
export const responseFault = reader<ResponseFault>(
  object({ serverErrorAfterMs: decimal(0), createdAfterMs: decimal(0), lateDeltas: integer(0, 100) }),
  "fault",
);
export const refusal = reader<Refusal>(
  object(
    { type: string(), error: object({ type: string(), code: string(), message: string(), param: anything }, ["code"]) },
    ["type", "error"],
  ),
  "refusal",
);
export const target = reader<{ sessionId: string }>(object(targetKeys, ["sessionId"]), "body");

export const drop = (value: unknown): { sessionId: string; code: number; reason: string } => {
  const given: JsonObject = isObject(value) ? value : {};
  const { sessionId } = reader<{ sessionId: string }>(dropShape, "body")(value);
  return { sessionId, code: Number(given.code ?? 1006), reason: String(given.reason ?? "") };
};
