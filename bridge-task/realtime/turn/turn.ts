import {
  awaitSilence,
  dropAside,
  onAsideCreated,
  onAsideDone,
  onAsideWoken,
  onToolSlow,
  yieldAside,
} from "./asides.ts";
import { sendNextWish } from "./queue.ts";
import {
  cancelActive,
  onCancelWanted,
  onRefused,
  onResponseCreated,
  onResponseDone,
  onResponseOverdue,
  onResponseWanted,
  yieldToSpeech,
} from "./responses.ts";
import { confirmLater, drop, forgetWake, type Step, turnLimits, wake } from "./step.ts";
import { askAboutTools, onToolAnswered, onToolCallCut, onToolCalled, onToolFinished } from "./tools.ts";
import type { AgentState, TurnCommand, TurnEvent, TurnState } from "./types.ts";
import {
  cutVoice,
  onAudioCompleted,
  onAudioPartAdded,
  onAudioReceived,
  onAudioRefused,
  onVoiceCut,
  onVoiceDrained,
} from "./voice.ts";

export const initialTurn: TurnState = {
  turnDetection: null,
  speech: "quiet",
  response: { phase: "none" },
  aside: { phase: "none" },
  queue: [],
  assumed: [],
  unconfirmedItemIds: new Set(),
  spoken: [],
  heard: undefined,
  said: [],
  droppedIds: [],
  outsideResponseIds: [],
  asideItemIds: [],
  voicedResponseIds: [],
  settledResponseIds: [],
  toolBatches: [],
  toldCalls: [],
  earlyOutputs: [],
  madeCount: 0,
  isVoiceBusy: false,
  isHeld: false,
  failureCount: 0,
  wakes: {},
  wakeCount: 0,
};

/**
 * The rules of taking turns, without any I/O: what happened goes in, what must be done comes out, in order.
 * Whoever runs it executes each command at once and feeds back what the command brings about.
 */
export const reduceTurn = (state: TurnState, event: TurnEvent): { state: TurnState; commands: TurnCommand[] } => {
  const step: Step = { state: { ...state }, commands: [] };
  apply(step, event);
  // Whatever happened, what may be asked by now is asked.
  askAboutTools(step);
  yieldAside(step);
  sendNextWish(step);
  awaitSilence(step);
  return step;
};

const handlers: { [Type in TurnEvent["type"]]: (step: Step, event: Extract<TurnEvent, { type: Type }>) => void } = {
  hold: ({ state }, { isHeld }) => {
    state.isHeld = isHeld;
  },
  session_updated: (step, { turnDetection }) => onSessionUpdated(step, turnDetection),
  response_wanted: onResponseWanted,
  cancel_wanted: onCancelWanted,
  item_sent: (step, { itemId }) => confirmLater(step, itemId),
  item_settled: ({ state }, { itemId }) => {
    if (!state.unconfirmedItemIds.has(itemId)) return;
    state.unconfirmedItemIds = new Set([...state.unconfirmedItemIds].filter((id) => id !== itemId));
  },
  speech_started: (step) => onSpeechStarted(step),
  speech_stopped: (step) => {
    if (step.state.speech === "speaking") onAnswerDue(step);
  },
  answer_due: (step) => onAnswerDue(step),
  speech_discarded: (step) => becomeQuiet(step),
  response_created: onResponseCreated,
  audio_part_added: onAudioPartAdded,
  audio_received: onAudioReceived,
  audio_refused: (step, event) => {
    onAudioRefused(step, event);
    onCancelWanted(step, { type: "cancel_wanted" });
  },
  audio_completed: onAudioCompleted,
  response_done: onResponseDone,
  tool_called: onToolCalled,
  tool_call_cut: onToolCallCut,
  tool_finished: onToolFinished,
  tool_slow: onToolSlow,
  aside_created: onAsideCreated,
  aside_done: onAsideDone,
  tool_answered: onToolAnswered,
  refused: onRefused,
  voice_cut: onVoiceCut,
  voice_drained: (step) => onVoiceDrained(step),
  woken: (step, { kind, wake: fired }) => {
    if (step.state.wakes[kind] !== fired) return;
    forgetWake(step, kind);
    if (kind === "speech") becomeQuiet(step);
    else if (kind === "response") onResponseOverdue(step);
    else if (kind === "aside") onAsideWoken(step);
  },
};

const apply = <Type extends TurnEvent["type"]>(step: Step, event: Extract<TurnEvent, { type: Type }>): void => {
  const handler: (step: Step, event: Extract<TurnEvent, { type: Type }>) => void = handlers[event.type as Type];
  handler(step, event);
};

const becomeQuiet = (step: Step): void => {
  step.state.speech = "quiet";
  forgetWake(step, "speech");
};

const onSessionUpdated = (step: Step, turnDetection: TurnState["turnDetection"]): void => {
  step.state.turnDetection = turnDetection;
  const { speech } = step.state;
  // Without VAD no end of this speech will be told, and without create_response no answer to it will come.
  const isOver = turnDetection === null || (speech === "awaiting_response" && !turnDetection.createResponse);
  if (speech !== "quiet" && isOver) becomeQuiet(step);
};

/** Barge-in: the voice stops, and the response with it, by the server's own hand or by ours; unless nobody may interrupt. */
const onSpeechStarted = (step: Step): void => {
  const { state } = step;
  state.speech = "speaking";
  wake(step, "speech", turnLimits.speechMs);
  yieldToSpeech(step);
  const interruptedBy = state.turnDetection?.interruptedBy ?? "us";
  if (interruptedBy === "nobody") return;
  dropAside(step);
  if (state.response.phase === "active") {
    if (interruptedBy === "us") cancelActive(step);
    else if (state.response.id !== undefined) drop(step, state.response.id);
  }
  cutVoice(step);
};

const onAnswerDue = (step: Step): void => {
  if (step.state.turnDetection?.createResponse !== true) {
    becomeQuiet(step);
    return;
  }
  step.state.speech = "awaiting_response";
  wake(step, "speech", turnLimits.answerMs);
};

export const agentStateOf = (state: TurnState): AgentState => {
  const { isVoiceBusy, speech, response, droppedIds, queue, toolBatches } = state;
  if (isVoiceBusy) return "speaking";
  if (speech === "speaking") return "listening";
  const isGenerating = response.phase === "active" && !(response.id !== undefined && droppedIds.includes(response.id));
  const isAnswerDue = speech === "awaiting_response" || response.phase === "requested" || queue.length > 0;
  return isGenerating || isAnswerDue || toolBatches.length > 0 ? "thinking" : "listening";
};
