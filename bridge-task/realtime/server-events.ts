import type { RealtimeErrorEvent, RealtimeServerEvent } from "openai/resources/realtime/realtime";
import { classifyError } from "./model-errors.ts";
import { effectiveTurnDetection } from "./session-config.ts";
import type { TurnEvent } from "./turn-types.ts";

type ResponseDone = Extract<RealtimeServerEvent, { type: "response.done" }>;

const outcomeOf = ({ status, status_details }: ResponseDone["response"]) => {
  if (status === "cancelled") return "cancelled";
  if (status !== "failed") return "completed";
  return classifyError(status_details?.error ?? {}).action === "retry" ? "failed_for_now" : "failed";
};

const refusalOf = ({ error }: RealtimeErrorEvent): TurnEvent => ({
  type: "refused",
  eventId: error.event_id ?? undefined,
  isResponseActive: error.code === "conversation_already_has_active_response",
  activeResponseId: /\bresp_\w+/.exec(error.message)?.[0],
});

/**
 * What a server event means for the turn; undefined where it means nothing. Audio deltas are not among them: they need their
 * samples counted first.
 */
export const turnEventOf = (event: RealtimeServerEvent): TurnEvent | undefined => {
  switch (event.type) {
    case "session.created":
    case "session.updated":
      return { type: "session_updated", turnDetection: effectiveTurnDetection(event.session) };
    case "conversation.item.added":
    case "conversation.item.created":
      return event.item.id === undefined ? undefined : { type: "item_settled", itemId: event.item.id };
    case "input_audio_buffer.speech_started":
      return { type: "speech_started" };
    case "input_audio_buffer.speech_stopped":
    case "input_audio_buffer.committed":
      return { type: "speech_stopped" };
    case "input_audio_buffer.cleared":
      return { type: "speech_discarded" };
    case "input_audio_buffer.timeout_triggered":
      return { type: "answer_due" };
    case "response.created": {
      const { id, conversation_id } = event.response;
      // `null` is how the server says that it writes to no conversation; the SDK's type leaves that out.
      const isInConversation = (conversation_id as string | null | undefined) !== null;
      return id === undefined ? undefined : { type: "response_created", responseId: id, isInConversation };
    }
    case "response.content_part.added": {
      const part = { itemId: event.item_id, contentIndex: event.content_index };
      return event.part.type === "audio"
        ? { type: "audio_part_added", responseId: event.response_id, part }
        : undefined;
    }
    case "response.output_audio.done":
      return { type: "audio_completed", itemId: event.item_id };
    case "response.done": {
      const { response } = event;
      if (response.id === undefined) return undefined;
      return { type: "response_done", responseId: response.id, outcome: outcomeOf(response) };
    }
    case "error":
      return refusalOf(event);
    default:
      return undefined;
  }
};
