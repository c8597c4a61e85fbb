import type { Frame, Observations } from "../observations.ts";
import { type Assumption, differs, holds, judge, notSeen } from "../verdict.ts";
import { activeResponses, at, brief, errorTo, framesOf } from "../views.ts";
import { answerTo, notAsked, tell } from "./openai-session.ts";

const noTalk = "the conversation did not get so far, or was left out: see the steps";
const fallsSilentMs = 1_500;

/** Asked by the check itself, and not by the bridge in the call. */
const isQuestion = ({ event }: Frame): boolean => String(event.event_id ?? "").startsWith("live_check_");

/** Frames of the sessions in the call, where the check itself asks nothing. */
const inCall = (seen: Observations, direction: Frame["direction"], type: string): Frame[] => {
  const asked = new Set(framesOf(seen, "openai", "out").flatMap((frame) => (isQuestion(frame) ? [frame.socket] : [])));
  return framesOf(seen, "openai", direction, type).filter(({ socket }) => !asked.has(socket));
};

/** Where the frame stands that was sent for something; -1 where none was. */
const placeOf = ({ frames }: Observations, fits: (frame: Frame) => boolean): number =>
  frames.findIndex(
    (frame) => frame.direction === "out" && frame.service === "openai" && isQuestion(frame) && fits(frame),
  );

/** The question was put while a response was under way. */
const wasBeside = (seen: Observations, fits: (frame: Frame) => boolean): boolean => {
  const place = placeOf(seen, fits);
  return place >= 0 && activeResponses(seen.frames, place).size > 0;
};

const isOutput = ({ type, event }: Frame): boolean =>
  type === "conversation.item.create" &&
  at(event, "item", "type") === "function_call_output" &&
  at(event, "item", "call_id") === "call_live_check";
const isAside = ({ type, event }: Frame): boolean =>
  type === "response.create" && at(event, "response", "metadata", "is") === "aside";
const isSecond = ({ type, event }: Frame): boolean =>
  type === "response.create" && at(event, "response", "max_output_tokens") === 50;
const notBeside = "the first response had ended before the question was put";

/** Responses, truncation, tools and interruptions. */
export const openAiTurns: readonly Assumption[] = [
  {
    id: "openai.one-response",
    service: "openai",
    statement: "A second response beside an active one is refused with `conversation_already_has_active_response`",
    source: "bridge-task/realtime/turn/responses.ts",
    ifWrong: "A response that was refused is not asked for again. Add the code that was seen to model-errors.ts.",
    check: (seen) => {
      const answer = answerTo(seen, "second response");
      if (!answer) return notSeen(notAsked);
      if (!wasBeside(seen, isSecond)) return notSeen(notBeside);
      return judge(answer.code === "conversation_already_has_active_response", tell(answer), "");
    },
  },
  {
    id: "openai.aside",
    service: "openai",
    statement:
      'A response outside of the conversation (`conversation: "none"`) may have sound, and may be asked for beside another one',
    source: "bridge-task/realtime/turn/asides.ts",
    ifWrong: "Nothing is said while a tool is slow.",
    check: (seen) => {
      const answer = answerTo(seen, "aside beside a response");
      if (!answer) return notSeen(notAsked);
      if (!wasBeside(seen, isAside)) return notSeen(notBeside);
      if (answer.type !== "response.created") return differs(tell(answer));
      const created = framesOf(seen, "openai", "in", "response.created").find(
        ({ event }) => at(event, "response", "metadata", "is") === "aside",
      );
      const id = at(created?.event, "response", "id");
      const sounds = framesOf(seen, "openai", "in", "response.output_audio.delta").filter(
        ({ event }) => event.response_id === id,
      );
      return judge(sounds.length > 0, `accepted, with ${sounds.length} pieces of sound`, "");
    },
  },
  {
    id: "openai.output-beside-response",
    service: "openai",
    statement: "A function's output may be added while a response is active or a person speaks",
    source: "bridge-task/realtime/turn/tools.ts",
    ifWrong: "The output is refused, and the model answers without it.",
    check: (seen) => {
      if (answerTo(seen, "call written by us")?.type === "error") {
        return notSeen(`a call of ours was not taken: ${tell(answerTo(seen, "call written by us"))}`);
      }
      const answer = answerTo(seen, "output beside a response");
      if (!answer) return notSeen(notAsked);
      if (!wasBeside(seen, isOutput)) return notSeen(notBeside);
      return judge(answer.type === "conversation.item.added", tell(answer), "");
    },
  },
  {
    id: "openai.voice-is-locked",
    service: "openai",
    statement: "Another voice after the first sound is refused with `cannot_update_voice`",
    source: "bridge-task/realtime/session/checks.ts",
    ifWrong: "Better than assumed where it is accepted; with another code, add it to model-errors.ts.",
    check: (seen) => {
      const answer = answerTo(seen, "voice after sound");
      return judge(answer && answer.code === "cannot_update_voice", tell(answer), notAsked);
    },
  },
  {
    id: "openai.truncate",
    service: "openai",
    statement:
      "A response is truncated by item, in milliseconds of audio; more than there is is refused as `already shorter`",
    source: "bridge-task/realtime/turn/voice.ts",
    ifWrong: "The model believes that people heard what they did not.",
    check: (seen) => {
      const [cut, beyond] = [answerTo(seen, "truncate"), answerTo(seen, "truncate beyond the end")];
      if (!cut || !beyond) return notSeen(notAsked);
      const isAsExpected =
        cut.type === "conversation.item.truncated" &&
        beyond.code === "invalid_value" &&
        /already shorter/.test(beyond.message ?? "");
      return judge(isAsExpected, `${tell(cut)}; beyond the end: ${tell(beyond)}`, "");
    },
  },
  {
    id: "openai.delete-spoken-item",
    service: "openai",
    statement: "Deleting an item that the agent spoke, or that nobody heard, is allowed",
    source: "bridge-task/realtime/turn/voice.ts",
    ifWrong: "The model believes that people heard what they did not.",
    check: (seen) => {
      const answer = answerTo(seen, "delete of a spoken item");
      return judge(answer && answer.type === "conversation.item.deleted", tell(answer), notAsked);
    },
  },
  {
    id: "openai.cut-call",
    service: "openai",
    statement:
      "An item that was cut short while the model was writing a function call ends as `incomplete`, and may be deleted",
    source: "bridge-task/realtime/turn/tools.ts",
    ifWrong: "The conversation keeps a call without an output.",
    check: (seen) => {
      const [status, deleted] = [answerTo(seen, "status of a cut call"), answerTo(seen, "delete of a cut call")];
      if (!status || !deleted)
        return notSeen("no call was cut while it was written: the model wrote none, or was faster");
      if (status.type === "completed") return notSeen("the call was complete before it was cut");
      const isAsExpected = status.type === "incomplete" && deleted.type === "conversation.item.deleted";
      return judge(isAsExpected, `status ${status.type}; deleting it: ${tell(deleted)}`, "");
    },
  },
  {
    id: "openai.item-done-order",
    service: "openai",
    statement:
      "A spoken item is told as done both by `conversation.item.done` and by `response.output_item.done`; the order does not matter",
    source: "bridge-task/realtime/conversation/conversation.ts",
    ifWrong: "Items are not told as completed.",
    check: (seen) => {
      const done = framesOf(seen, "openai", "in", "conversation.item.done", "response.output_item.done").filter(
        ({ event }) => at(event, "item", "role") === "assistant" && at(event, "item", "status") === "completed",
      );
      const ids = [...new Set(done.map(({ event }) => at(event, "item", "id")))];
      const orders = ids.map((id) =>
        done.filter(({ event }) => at(event, "item", "id") === id).map(({ type }) => type),
      );
      // Of one outside of the conversation only the response tells.
      const pair = orders.find((types) => new Set(types).size === 2);
      if (orders.length === 0) return notSeen("nothing was spoken to its end");
      return pair
        ? holds(`first ${pair[0]}, then ${pair[1]}`)
        : differs(`only ${[...new Set(orders.flat())].join(", ")}`);
    },
  },
  {
    id: "openai.interruption",
    service: "openai",
    statement: "Speech ends a response by itself (`turn_detected`), and the agent falls silent",
    source: "bridge-task/realtime/turn/turn.ts",
    ifWrong: "The agent talks over people.",
    check: (seen) => {
      const { bargeIn } = seen.noted;
      if (!bargeIn) return notSeen(noTalk);
      const cancelled = inCall(seen, "in", "response.done").filter(
        ({ event }) => at(event, "response", "status") === "cancelled",
      );
      const reasons = [...new Set(cancelled.map(({ event }) => at(event, "response", "status_details", "reason")))];
      const detail = `silent after ${bargeIn.silentAfterMs} ms; cancelled responses: ${brief(reasons)}`;
      if (bargeIn.silentAfterMs > fallsSilentMs) return differs(detail);
      if (cancelled.length === 0)
        return notSeen(`no response was under way any more when it was interrupted; ${detail}`);
      return judge(reasons.includes("turn_detected"), detail, "");
    },
  },
  {
    id: "openai.heard-is-told",
    service: "openai",
    statement: "A response that was cut off is truncated to what was sent, and the server takes it",
    source: "bridge-task/realtime/turn/voice.ts",
    ifWrong: "The model believes that people heard what they did not.",
    check: (seen) => {
      const sent = inCall(seen, "out", "conversation.item.truncate");
      if (sent.length === 0) return notSeen("nothing was cut off in the call");
      const refused = sent.flatMap((frame) => errorTo(seen, frame) ?? []);
      if (refused.length > 0) return differs(brief(refused[0]));
      const taken = inCall(seen, "in", "conversation.item.truncated").length;
      if (taken > 0) return holds(`${sent.length} truncations, ${taken} taken`);
      // The bridge's own carry no id by which an error would name them.
      const error = inCall(seen, "in", "error").find(({ atMs }) => atMs >= (sent[0]?.atMs ?? 0));
      return error ? differs(brief(error.event.error)) : notSeen("none was answered in time");
    },
  },
  {
    id: "openai.transcription",
    service: "openai",
    statement: "What a person said is told as text, by `conversation.item.input_audio_transcription.completed`",
    source: "bridge-task/realtime/conversation/transcripts.ts",
    ifWrong: "Records and captions lack what people said.",
    check: (seen) => {
      if (seen.noted.answerHeard !== true) return notSeen(noTalk);
      const told = framesOf(seen, "openai", "in", "conversation.item.input_audio_transcription.completed");
      const failed = framesOf(seen, "openai", "in", "conversation.item.input_audio_transcription.failed");
      // A text is kept as its length. What was said may be so short that nothing of it is understood.
      const empty = told.filter(({ event }) => event.transcript === "(0 characters)").length;
      return judge(told.length > 0, `${told.length} told, ${empty} of them empty, ${failed.length} failed`, "");
    },
  },
  {
    id: "openai.tool-call",
    service: "openai",
    statement: "The model calls a tool that it was given, and speaks about its output",
    source: "bridge-task/realtime/turn/tools.ts",
    ifWrong: "Tools are of no use. See the record's toolUses and the model's name.",
    check: ({ noted: { toolCalled, answerAfterTool } }) => {
      if (toolCalled === undefined) return notSeen(noTalk);
      if (!toolCalled) return notSeen("the model answered without the tool: ask it again, models may");
      const detail = answerAfterTool ? "called, and answered" : "called, and nothing was said after it had returned";
      return judge(answerAfterTool, detail, "it was called, and the answer was not waited for");
    },
  },
  {
    id: "openai.greeting-and-answer",
    service: "openai",
    statement: "The agent greets when a person can hear it, and answers what it is asked",
    source: "bridge-task/bridge.ts",
    ifWrong: "The product does not work: send the report.",
    check: ({ noted: { greetingHeard, answerHeard }, steps }) => {
      const wasTried = steps.some(({ name, status }) => name === "question and answer" && status !== "skipped");
      if (!wasTried) return notSeen(noTalk);
      return judge(
        greetingHeard === true && answerHeard === true,
        `greeting ${greetingHeard === true}, answer ${answerHeard === true}`,
        "",
      );
    },
  },
  {
    id: "openai.sideband",
    service: "openai",
    statement: "A WebSocket beside a WebRTC session gets no audio deltas; we use neither",
    source: "bridge-task/realtime/connection.ts",
    ifWrong: "Nothing.",
    check: () => notSeen("the bridge opens a WebSocket session of its own"),
  },
];
