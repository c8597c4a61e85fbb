import { isDeepStrictEqual } from "node:util";
import { decodeAudio } from "./audio-format.ts";
import { responseShape, updateConfig } from "./config.ts";
import { type ApiProblem, problems } from "./errors.ts";
import { checkItem, type StoredItem, storedFrom, viewWithAudio } from "./items.ts";
import { isObject, type JsonObject } from "./json.ts";
import { anything, base64, type Check, integer, nullable, object, string } from "./schema.ts";
import type { Session } from "./session.ts";

/** One type of client event: its shape, and what it does to a session once its shape is right. */
export interface ClientEvent {
  check: Check;
  handle(session: Session, event: JsonObject): ApiProblem | undefined;
}

const event = (keys: Record<string, Check>, required: readonly string[] = []): Check =>
  object({ type: anything, event_id: string(512), ...keys }, required);

const maxAppendBytes = 15 * 1_024 * 1_024;

const pcmOf = (session: Session, encoded: string): Int16Array | undefined => {
  const bytes = Buffer.from(encoded, "base64");
  return bytes.length > maxAppendBytes ? undefined : decodeAudio(bytes, session.config.audio.input.format);
};

const itemId = (value: JsonObject): string => String(value.item_id);

const update: ClientEvent = {
  check: event({ session: anything }, ["session"]),
  handle: (session, { session: patch }) => {
    const result = updateConfig(session.config, patch, { voiceLocked: session.voiceLocked });
    if ("problem" in result) return result.problem;
    session.config = result.config;
    session.input.configure(result.config.audio.input.turn_detection);
    session.send("session.updated", { session: result.config });
    return undefined;
  },
};

const append: ClientEvent = {
  check: event({ audio: base64 }, ["audio"]),
  handle: (session, { audio }) => {
    const pcm = pcmOf(session, String(audio));
    if (!pcm) return problems.undecodableAudio("audio");
    session.hear(pcm);
    return undefined;
  },
};

const leastCommitMs = 100;

const commit: ClientEvent = {
  check: event({}),
  handle: (session) => {
    const { bufferedMs } = session.input;
    if (bufferedMs < leastCommitMs) return problems.commitTooSmall(bufferedMs);
    session.commit(session.input.commit());
    return undefined;
  },
};

const clear: ClientEvent = {
  check: event({}),
  handle: (session) => {
    session.input.clear();
    session.send("input_audio_buffer.cleared", {});
    return undefined;
  },
};

const createItem: ClientEvent = {
  check: event({ previous_item_id: nullable(string()), item: checkItem }, ["item"]),
  handle: (session, { item, previous_item_id: previous }) => {
    if (!isObject(item)) return problems.missingParameter("item");
    return session.add(
      storedFrom(item, (encoded) => pcmOf(session, encoded)),
      typeof previous === "string" ? previous : undefined,
    );
  },
};

const retrieveItem: ClientEvent = {
  check: event({ item_id: string() }, ["item_id"]),
  handle: (session, value) => {
    const stored = session.conversation.get(itemId(value));
    if (!stored) return problems.noItemToRetrieve(itemId(value));
    session.send("conversation.item.retrieved", { item: viewWithAudio(stored) });
    return undefined;
  },
};

const truncateItem: ClientEvent = {
  check: event({ item_id: string(), content_index: integer(0), audio_end_ms: integer(0) }, [
    "item_id",
    "content_index",
    "audio_end_ms",
  ]),
  handle: (session, value) => {
    const audioEndMs = Number(value.audio_end_ms);
    if (value.content_index !== 0) return problems.onlyModelAudio();
    const problem = session.conversation.truncate(itemId(value), audioEndMs);
    if (problem) return problem;
    session.send("conversation.item.truncated", {
      item_id: itemId(value),
      content_index: 0,
      audio_end_ms: audioEndMs,
    });
    return undefined;
  },
};

const deleteItem: ClientEvent = {
  check: event({ item_id: string() }, ["item_id"]),
  handle: (session, value) => {
    if (!session.conversation.remove(itemId(value))) return problems.noItemToDelete(itemId(value));
    session.send("conversation.item.deleted", { item_id: itemId(value) });
    return undefined;
  },
};

/** The items of `response.input`: references to the conversation's, or new ones that stay out of it. */
const inputItems = (session: Session, input: readonly unknown[]): { items: StoredItem[] } | { problem: ApiProblem } => {
  const items: StoredItem[] = [];
  for (const [index, value] of input.entries()) {
    const path = `response.input[${index}]`;
    if (isObject(value) && value.type === "item_reference") {
      const stored = session.conversation.get(String(value.id));
      if (!stored) return { problem: problems.invalid(`${path}.id`, `Item with id '${value.id}' does not exist.`) };
      items.push(stored);
    } else {
      const problem = checkItem(value, path);
      if (problem || !isObject(value)) return { problem: problem ?? problems.missingParameter(path) };
      items.push(storedFrom(value, (encoded) => pcmOf(session, encoded)));
    }
  }
  return { items };
};

const wantsOtherVoice = (session: Session, params: JsonObject): boolean => {
  const output = isObject(params.audio) && isObject(params.audio.output) ? params.audio.output : {};
  return output.voice !== undefined && !isDeepStrictEqual(output.voice, session.config.audio.output.voice);
};

const createResponse: ClientEvent = {
  check: event({ response: responseShape }),
  handle: (session, { response }) => {
    const params = isObject(response) ? response : {};
    if (session.voiceLocked && wantsOtherVoice(session, params)) return problems.voiceLocked("response");
    if (!Array.isArray(params.input)) return session.respond(params);
    const input = inputItems(session, params.input);
    return "problem" in input ? input.problem : session.respond(params, input.items);
  },
};

const cancelResponse: ClientEvent = {
  check: event({ response_id: string() }),
  handle: (session, { response_id: id }) => session.cancel(typeof id === "string" ? id : undefined),
};

/** Only over WebRTC and SIP does the service hold a playout buffer to clear. */
const clearOutput: ClientEvent = {
  check: event({}),
  handle: () => problems.invalid("type", "output_audio_buffer.clear is available over WebRTC and SIP only."),
};

/** Every client event of the API by its type. */
export const clientEvents: Readonly<Record<string, ClientEvent>> = {
  "session.update": update,
  "input_audio_buffer.append": append,
  "input_audio_buffer.commit": commit,
  "input_audio_buffer.clear": clear,
  "output_audio_buffer.clear": clearOutput,
  "conversation.item.create": createItem,
  "conversation.item.retrieve": retrieveItem,
  "conversation.item.truncate": truncateItem,
  "conversation.item.delete": deleteItem,
  "response.create": createResponse,
  "response.cancel": cancelResponse,
};
