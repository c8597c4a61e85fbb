import {
  forgetWake,
  free,
  isOfAside,
  leaveOutside,
  rememberAsideItem,
  type Step,
  settle,
  turnLimits,
  wake,
} from "./step.ts";
import type { ResponseParameters, TurnEvent, TurnState } from "./types.ts";
import { finishResponse } from "./voice.ts";

/*
 * A sentence of the application's for while a tool takes its time: said outside of the conversation, where the call still waits
 * for its output, and into silence only. It has no turn: whatever else there is to say or to hear goes first, until its first sound;
 * from then on it is said to its end, unless a person speaks or the application cancels.
 */

type EventOf<Type extends TurnEvent["type"]> = Extract<TurnEvent, { type: Type }>;

/** Key in a response's metadata by which the server's events tell that it is an aside of ours. */
export const asideKey = "bridge_aside";

const parametersOf = (sentence: string, eventId: string): ResponseParameters => ({
  conversation: "none",
  // It needs no context, and none is billed.
  input: [],
  instructions: `Say exactly this, word for word, and nothing else: ${JSON.stringify(sentence)}`,
  tool_choice: "none",
  metadata: { [asideKey]: eventId },
});

/** Nobody says anything, nor is about to. */
const isSilent = ({ response, queue, speech, isVoiceBusy, isHeld, wakes }: TurnState): boolean =>
  response.phase === "none" &&
  queue.length === 0 &&
  speech === "quiet" &&
  !isVoiceBusy &&
  !isHeld &&
  wakes.retry === undefined;

const forget = (step: Step): void => {
  step.state.aside = { phase: "none" };
  forgetWake(step, "aside");
};

const request = (step: Step, batchId: string, sentence: string): void => {
  const { state, commands } = step;
  state.madeCount += 1;
  const eventId = `aside_${state.madeCount}`;
  state.aside = { phase: "requested", batchId, eventId };
  commands.push({ type: "create_response", eventId, parameters: parametersOf(sentence, eventId) });
  wake(step, "aside", turnLimits.requestMs);
};

/** A tool has taken a while. One sentence will do for all that were called with it. */
export const onToolSlow = (step: Step, { itemId, sentence }: EventOf<"tool_slow">): void => {
  const { state } = step;
  const batch = state.toolBatches.find(({ running }) => running.some((call) => call.itemId === itemId));
  if (batch === undefined || batch.isExcused || state.aside.phase !== "none") return;
  state.toolBatches = state.toolBatches.map((other) => (other === batch ? { ...batch, isExcused: true } : other));
  if (isSilent(state)) request(step, batch.responseId, sentence);
  else state.aside = { phase: "due", batchId: batch.responseId, sentence };
};

/** Ends it. What of it is with the voice already is still said. */
export const dropAside = (step: Step): void => {
  const { state, commands } = step;
  const { aside } = state;
  if (aside.phase === "active") {
    commands.push({ type: "cancel_response", responseId: aside.responseId });
    finishResponse(step, aside.responseId);
    settle(step, aside.responseId);
  }
  // One that is only requested is cancelled when it begins.
  forget(step);
};

/** After every event: an aside that nobody has heard yet gives way to everything, and is of no use once the tools are done. */
export const yieldAside = (step: Step): void => {
  const { state } = step;
  const { aside } = state;
  if (aside.phase === "none" || (aside.phase === "active" && aside.isHeard)) return;
  const isToolRunning = state.toolBatches.some(
    ({ responseId, running }) => responseId === aside.batchId && running.length > 0,
  );
  const isInTheWay =
    aside.phase !== "due" && (state.queue.length > 0 || state.response.phase !== "none" || state.speech !== "quiet");
  if (!isToolRunning || isInTheWay) dropAside(step);
};

/** After every event: one that is due is said when there was silence for a while, not right after the agent's own words. */
export const awaitSilence = (step: Step): void => {
  const { state } = step;
  if (state.aside.phase !== "due") return;
  if (!isSilent(state)) forgetWake(step, "aside");
  else if (state.wakes.aside === undefined) wake(step, "aside", turnLimits.silenceMs);
};

export const onAsideWoken = (step: Step): void => {
  const { aside } = step.state;
  if (aside.phase === "due") request(step, aside.batchId, aside.sentence);
  // Nothing was heard of the request, or of its end.
  else dropAside(step);
};

export const onAsideCreated = (step: Step, { responseId, eventId }: EventOf<"aside_created">): void => {
  const { state, commands } = step;
  const { aside } = state;
  if (isOfAside(state, responseId)) return;
  // No call of its is run, and what comes of it once it is over is late.
  leaveOutside(step, responseId);
  if (aside.phase === "requested" && aside.eventId === eventId) {
    state.aside = { phase: "active", batchId: aside.batchId, responseId, isHeard: false };
    wake(step, "aside", turnLimits.asideMs);
    return;
  }
  commands.push({ type: "cancel_response", responseId });
};

export const onAsideDone = (step: Step, { responseId }: EventOf<"aside_done">): void => {
  const { state } = step;
  const { response } = state;
  if (state.settledResponseIds.includes(responseId)) return;
  leaveOutside(step, responseId);
  if (isOfAside(state, responseId)) forget(step);
  // Its beginning was lost, and its sound was taken for the conversation's.
  else if (response.phase === "active" && response.id === responseId) free(step);
  for (const item of state.spoken) if (item.responseId === responseId) rememberAsideItem(step, item.itemId);
  finishResponse(step, responseId);
  settle(step, responseId);
};
