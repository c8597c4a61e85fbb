import type { ConversationItem, RealtimeErrorEvent, RealtimeServerEvent } from "openai/resources/realtime/realtime";
import { classifyError } from "../model-errors.ts";
import { effectiveTurnDetection } from "../session/config.ts";
import { asideKey } from "./asides.ts";
import type { TurnEvent } from "./types.ts";

type ServerResponse = Extract<RealtimeServerEvent, { type: "response.done" }>["response"];

const outcomeOf = ({ status, status_details }: ServerResponse) => {
  if (status === "cancelled") return "cancelled";
  if (status !== "failed") return "completed";
  return classifyError(status_details?.error ?? {}).action === "retry" ? "failed_for_now" : "failed";
};

/** `null` is how the server says that it writes to no conversation; the SDK's type leaves that out. */
const isOutside = ({ conversation_id }: ServerResponse): boolean =>
  (conversation_id as string | null | undefined) === null;

/** What we sent as the event id of an aside; undefined for every other response. */
const asideIdOf = (response: ServerResponse): string | undefined =>
  isOutside(response) ? response.metadata?.[asideKey] : undefined;

const callEventOf = (responseId: string, item: ConversationItem, isCut: boolean): TurnEvent | undefined => {
  if (item.type !== "function_call") return undefined;
  const { call_id: callId, id: itemId = callId, name, arguments: text } = item;
  if (itemId === undefined) return undefined;
  // Without a call id no output could ever name it.
  if (isCut || callId === undefined) return { type: "tool_call_cut", responseId, itemId };
  return { type: "tool_called", responseId, call: { itemId, callId, name, arguments: text } };
};

/** What is complete in the output of a response that is over: all of it, unless the response itself was cut. */
const isCutInDone = ({ status }: ServerResponse, item: ConversationItem): boolean => {
  const itemStatus = "status" in item ? item.status : undefined;
  return status === undefined || status === "completed" ? itemStatus === "incomplete" : itemStatus !== "completed";
};

const responseDoneEventsOf = (response: ServerResponse): (TurnEvent | undefined)[] => {
  const { id, output = [] } = response;
  if (id === undefined) return [];
  if (asideIdOf(response) !== undefined) return [{ type: "aside_done", responseId: id }];
  if (isOutside(response)) return [];
  return [
    // Known already, unless their own events were lost.
    ...output.map((item) => callEventOf(id, item, isCutInDone(response, item))),
    { type: "response_done", responseId: id, outcome: outcomeOf(response) },
  ];
};

const refusalOf = ({ error }: RealtimeErrorEvent): TurnEvent => {
  const isResponseActive = error.code === "conversation_already_has_active_response";
  return {
    type: "refused",
    eventId: error.event_id ?? undefined,
    isResponseActive,
    activeResponseId: /\bresp_\w+/.exec(error.message)?.[0],
    isForNow: !isResponseActive && classifyError(error).action === "retry",
  };
};

const eventsOf = (event: RealtimeServerEvent): (TurnEvent | undefined)[] => {
  switch (event.type) {
    case "session.created":
    case "session.updated":
      return [{ type: "session_updated", turnDetection: effectiveTurnDetection(event.session) }];
    // A function call's own `conversation.item.done` starts nothing: it names no response, and looks the same for a call that
    // the application put into the history.
    case "conversation.item.added":
    case "conversation.item.created":
    case "conversation.item.done":
      return [event.item.id === undefined ? undefined : { type: "item_settled", itemId: event.item.id }];
    case "input_audio_buffer.speech_started":
      return [{ type: "speech_started" }];
    case "input_audio_buffer.speech_stopped":
    case "input_audio_buffer.committed":
      return [{ type: "speech_stopped" }];
    case "input_audio_buffer.cleared":
      return [{ type: "speech_discarded" }];
    case "input_audio_buffer.timeout_triggered":
      return [{ type: "answer_due" }];
    case "response.created": {
      const { id: responseId } = event.response;
      if (responseId === undefined) return [];
      const asideId = asideIdOf(event.response);
      if (asideId !== undefined) return [{ type: "aside_created", responseId, eventId: asideId }];
      return [{ type: "response_created", responseId, isInConversation: !isOutside(event.response) }];
    }
    case "response.content_part.added": {
      const part = { itemId: event.item_id, contentIndex: event.content_index };
      const isAudio = event.part.type === "audio";
      return [isAudio ? { type: "audio_part_added", responseId: event.response_id, part } : undefined];
    }
    case "response.output_audio.done":
      return [{ type: "audio_completed", itemId: event.item_id }];
    case "response.output_item.done": {
      const { item, response_id: responseId } = event;
      return [callEventOf(responseId, item, "status" in item && item.status === "incomplete")];
    }
    case "response.done":
      return responseDoneEventsOf(event.response);
    case "error": {
      // What we sent is named by its event id, items by their own: a refused item is as settled as one that was shown.
      const { event_id } = event.error;
      return [event_id ? { type: "item_settled", itemId: event_id } : undefined, refusalOf(event)];
    }
    default:
      return [];
  }
};

/**
 * What a server event means for the turn, in order; nothing for most. Audio deltas are not among them: they need their
 * samples counted first.
 */
export const turnEventsOf = (event: RealtimeServerEvent): TurnEvent[] =>
  eventsOf(event).filter((turnEvent) => turnEvent !== undefined);
