import { expect } from "vitest";
import type { RealtimeClient } from "../../../bridge-task/realtime/client.ts";
import type { ConversationItem } from "../../../bridge-task/realtime/conversation/conversation.ts";
import type { Session } from "../../cloud/openai/index.ts";
import { plannedCodes } from "./model.ts";
import type { RandomTurns } from "./random-turns.ts";

type ServerItem = ReturnType<Session["items"]>[number];

const frameSamples = 480;
const frameMs = 20;
const samplesPerMs = 24;

/** The old client's names of the assistant's parts. */
const partTypes: Readonly<Record<string, string>> = { output_audio: "audio", output_text: "text" };

/** An item of either side, with what both have. */
const comparable = (item: ConversationItem | ServerItem) => {
  const { id, type, status, role, name, call_id, arguments: args, output, content = [] } = item as ConversationItem;
  const parts = content.map(({ type: partType, text = "", transcript = null }) => ({
    type: partTypes[partType] ?? partType,
    text,
    transcript,
  }));
  return { id, type, status, role, name, call_id, args, output, parts };
};

const callIdsOf = (items: readonly ServerItem[], wanted: ServerItem["type"]): string[] =>
  items.flatMap((item) => (item.type === wanted && "call_id" in item ? [item.call_id] : [])).sort();

/** Every call has its one output, and there is no output without a call. */
const expectOneOutputEach = (items: readonly ServerItem[]): void => {
  expect(callIdsOf(items, "function_call_output")).toEqual(callIdsOf(items, "function_call"));
  expect(items.filter(({ type, status }) => type === "function_call" && status !== "completed")).toEqual([]);
};

const expectCompletionsOnce = (items: readonly ServerItem[], { record }: RandomTurns): void => {
  const told = items.map(({ id }) => [id, record.completions.get(id) ?? 0]);
  expect(told).toEqual(items.map(({ id, status }) => [id, status === "completed" ? 1 : 0]));
  expect([...record.completions].filter(([, times]) => times > 1)).toEqual([]);
};

/** The server keeps what was sent, in whole frames; or less, where the application said that less was heard. */
const expectSameAsSent = (items: readonly ServerItem[], turns: RandomTurns): void => {
  const { mouth, record, claimedMs, deletedIds, server } = turns;
  for (const { id, audioMs } of items.filter((item) => item.type === "message" && item.role === "assistant")) {
    const sentFrames = mouth.sentFrames.get(id) ?? 0;
    if (record.truncatedIds.has(id)) {
      const keptMs = Math.min(sentFrames * frameMs, claimedMs.get(id) ?? Number.POSITIVE_INFINITY);
      expect([id, audioMs]).toEqual([id, keptMs]);
    } else {
      // Sent to its end. Less than a millisecond may have been left: the protocol cannot tell of it.
      const samples = server.conversation.get(id)?.audioSamples ?? 0;
      const wholeMs = samples - (samples % samplesPerMs);
      expect(sentFrames, id).toBeGreaterThanOrEqual(Math.ceil(wholeMs / frameSamples));
      expect(sentFrames, id).toBeLessThanOrEqual(Math.ceil(samples / frameSamples));
    }
  }
  const keptIds = new Set(items.map(({ id }) => id));
  const isLost = (id: string) => !keptIds.has(id) && !deletedIds.has(id) && claimedMs.get(id) !== 0;
  expect([...mouth.sentFrames.keys()].filter(isLost), "heard, but not in the conversation").toEqual([]);
};

/** Between what one side does and what the other knows of it lies the wire: these tell of nothing worse. */
const harmlessCodes = [
  // The response ended while our cancel was on its way, or none was active when the application cancelled.
  "response_cancel_not_active",
  // The server answered a person by itself while our request was on its way; or could not, as a response was active.
  "conversation_already_has_active_response",
  // The application had deleted what was then interrupted, or deleted again what nobody had heard.
  "item_truncate_invalid_item_id",
  "item_delete_invalid_item_id",
];

/** Both sides hold the same conversation, and it is what was heard. */
export const expectAgreement = (client: RealtimeClient, turns: RandomTurns): void => {
  const items = turns.server.items();
  expect(client.conversation.getItems().map(comparable)).toEqual(items.map(comparable));
  expectOneOutputEach(items);
  expectCompletionsOnce(items, turns);
  expectSameAsSent(items, turns);
  expect(turns.talkedOverCount).toBe(0);
  const codes = [...turns.record.errors.keys()];
  expect(codes.filter((code) => ![...harmlessCodes, ...Object.values(plannedCodes)].includes(code))).toEqual([]);
};

export const expectNothingPending = ({ pending }: RandomTurns): void => {
  expect(pending).toEqual({
    agentState: "listening",
    queuedMs: 0,
    areUpdatesSettled: true,
    runningTools: 0,
    unansweredIds: [],
    openResponses: 0,
    activeResponseId: undefined,
    isSpeaking: false,
  });
};
