import { dropAside } from "./asides.ts";
import { enqueue, eventIdOf, isCovered, plainWish, tryAgain } from "./queue.ts";
import { assumeAnswered, drop, forgetWake, free, leaveOutside, type Step, settle, turnLimits, wake } from "./step.ts";
import { askAboutTools } from "./tools.ts";
import type { ActiveResponse, TurnEvent, TurnState, Wish } from "./types.ts";
import { cutVoice, finishResponse, takeBack } from "./voice.ts";

/*
 * At most one response is active in the conversation. A wish for another waits until it is done and until nobody speaks;
 * wishes without parameters become one, and one that VAD's own response has answered is not sent.
 */

type EventOf<Type extends TurnEvent["type"]> = Extract<TurnEvent, { type: Type }>;

type Requested = Extract<ActiveResponse, { phase: "requested" }>;

/** Should it be asked again where the server did not begin it? A cancel ends what was begun, but takes no tool's answer back. */
const isStillWanted = ({ isCancelled, wish }: Requested): boolean => !isCancelled || wish.survivesCancel === true;

export const onResponseWanted = (step: Step, { wish }: EventOf<"response_wanted">): void => {
  const { state, commands } = step;
  if (wish.parameters?.conversation === "none") {
    // It writes to no conversation, so it takes no turn.
    commands.push({ type: "create_response", eventId: eventIdOf(wish), parameters: wish.parameters });
    return;
  }
  if (wish.yieldsToSpeech && state.speech !== "quiet") return;
  const wanted = seeingAllSent(state, wish);
  const { response } = state;
  const isUnderWay = response.phase === "requested" && !response.isCancelled && response.wish.parameters === undefined;
  if (isUnderWay && wanted.parameters === undefined && wanted.sees.length === 0) return;
  enqueue(step, wanted, "back");
  // An application that has a response of its own in mind for a tool's result gets that one, and not ours before it.
  if (!wanted.yieldsToSpeech) state.queue = state.queue.toSorted((a, b) => rank(a) - rank(b));
};

const rank = ({ isReplaceable }: Wish): number => (isReplaceable === true ? 1 : 0);

/** Who asks for a response and names no item means all that was put into the conversation before. */
const seeingAllSent = ({ unconfirmedItemIds }: TurnState, wish: Wish): Wish =>
  wish.parameters === undefined && wish.sees.length === 0 ? { ...wish, sees: [...unconfirmedItemIds] } : wish;

/** Be quiet: the active response, and every wish made so far. Tools are not among them: what they brought is still told of. */
export const onCancelWanted = (step: Step, { heard }: EventOf<"cancel_wanted">): void => {
  const { state, commands } = step;
  const { response } = state;
  state.queue = state.queue.filter((wish) => wish.survivesCancel);
  state.assumed = state.assumed.filter(({ wish }) => wish.survivesCancel);
  dropAside(step);
  if (response.phase === "requested") {
    // A cancel that overtakes its response does nothing: it is sent when the response has an id.
    state.response = { ...response, isCancelled: true };
  } else if (response.phase === "active") {
    cancelActive(step);
  } else {
    // The server may be about to begin one; if not, it says so and nobody is told.
    commands.push({ type: "cancel_response", responseId: undefined });
  }
  if (heard !== undefined) takeBack(step, heard);
  cutVoice(step);
};

/** A person speaks: what was only to be said into silence is not said any more. */
export const yieldToSpeech = ({ state }: Step): void => {
  const { response } = state;
  state.queue = state.queue.filter((wish) => !wish.yieldsToSpeech);
  state.assumed = state.assumed.filter(({ wish }) => !wish.yieldsToSpeech);
  if (response.phase === "requested" && response.wish.yieldsToSpeech)
    state.response = { ...response, isCancelled: true };
};

/** Ends the active response by request; its audio is dropped from here on. */
export const cancelActive = (step: Step): void => {
  const { response, droppedIds } = step.state;
  if (response.phase !== "active") return;
  if (response.id !== undefined && droppedIds.includes(response.id)) return;
  step.commands.push({ type: "cancel_response", responseId: response.id });
  if (response.id !== undefined) drop(step, response.id);
};

export const onResponseCreated = (step: Step, event: EventOf<"response_created">): void => {
  const { state } = step;
  const { response } = state;
  const id = event.responseId;
  if (!event.isInConversation) {
    // Its audio would mix with the conversation's, and an item outside of it cannot be truncated: the voice stays out of it.
    leaveOutside(step, id);
    return;
  }
  if (state.settledResponseIds.includes(id) || (response.phase === "active" && response.id === id)) return;
  // The server's own response begins while a sentence about tools is being said: two at once would mix.
  dropAside(step);
  const request = response.phase === "requested" ? response : undefined;
  // Speech that has ended is answered at once: what begins then is the server's answer, which no cancel of ours is meant for.
  const isUnwanted =
    request !== undefined &&
    (state.speech === "speaking" || (request.isCancelled && state.speech !== "awaiting_response"));
  state.response = { phase: "active", id, wish: isUnwanted || request?.isCancelled ? undefined : request?.wish };
  // Where the end of the response before was lost, it is over now.
  askAboutTools(step);
  if (request === undefined) forgetCovered(step);
  else if (isUnwanted) rejectResponse(step, request);
  else takeForOurs(step, request);
  state.assumed = state.assumed.filter(({ wish }) => !isCovered(state, wish));
  if (state.speech === "awaiting_response") {
    state.speech = "quiet";
    forgetWake(step, "speech");
  }
  wake(step, "response", turnLimits.responseMs);
};

const forgetCovered = ({ state }: Step, isMeant: (wish: Wish) => boolean = () => true): void => {
  state.queue = state.queue.filter((wish) => !(isMeant(wish) && isCovered(state, wish)));
};

/** Nobody wants the requested response any more, or it would talk over a person: then its wish waits for their answer. */
const rejectResponse = (step: Step, request: Requested): void => {
  cancelActive(step);
  if (request.isCancelled) assumeBegun(step, request);
  else tryAgain(step, request.wish);
};

/** A response begins while ours is requested: it is taken for ours. */
const takeForOurs = (step: Step, request: Requested): void => {
  assumeBegun(step, request);
  // With an input of its own it sees nothing else of the conversation. And a bare wish wants one more response, whatever this one sees.
  if (request.wish.parameters?.input === undefined) forgetCovered(step, ({ sees }) => sees.length > 0);
};

/** An error may say later that what began was the server's own response, and ours was not begun. */
const assumeBegun = (step: Step, request: Requested): void => {
  if (isStillWanted(request)) assumeAnswered(step, eventIdOf(request.wish), request.wish);
};

export const onResponseDone = (step: Step, { responseId, outcome }: EventOf<"response_done">): void => {
  const { state } = step;
  const { response } = state;
  if (state.settledResponseIds.includes(responseId) || state.outsideResponseIds.includes(responseId)) return;
  settle(step, responseId);
  if (outcome === "cancelled" && !state.droppedIds.includes(responseId)) {
    drop(step, responseId);
    cutVoice(step);
  } else if (outcome !== "cancelled") {
    finishResponse(step, responseId);
  }
  // In the phase `requested` an unknown response can only be ours, its `response.created` lost.
  const isOurs =
    response.phase === "requested" ||
    (response.phase === "active" && (response.id === undefined || response.id === responseId));
  if (!isOurs) return;
  // Or one from before our request, whose beginning we missed too: then an error will say that ours was not begun.
  if (response.phase === "requested") assumeBegun(step, response);
  free(step);
  if (outcome === "completed") state.failureCount = 0;
  // Where tools were called their outputs bring about the next response: asked before, the model would call them again.
  const hasCalls = state.toolBatches.some((batch) => batch.responseId === responseId);
  if (outcome === "failed_for_now" && !hasCalls && state.failureCount < turnLimits.failuresInARow) {
    enqueue(step, { ...plainWish, ...response.wish, id: `retry_${responseId}`, attemptCount: 0 }, "front");
    wake(step, "retry", turnLimits.retryMs * 2 ** state.failureCount);
    state.failureCount += 1;
  }
};

export const onRefused = (step: Step, event: EventOf<"refused">): void => {
  const { state } = step;
  const { response } = state;
  if (event.isResponseActive && event.eventId === undefined && state.speech === "awaiting_response") {
    // The server could not answer the speech by itself, because a response was still active: the person must not go unanswered.
    state.speech = "quiet";
    forgetWake(step, "speech");
    enqueue(step, { ...plainWish, id: `speech_${state.wakeCount}` }, "front");
    return;
  }
  if (state.aside.phase === "requested" && state.aside.eventId === event.eventId) {
    dropAside(step);
    return;
  }
  const assumed = state.assumed.find(({ eventId }) => eventId === event.eventId);
  if (assumed) {
    // The response that began first was the server's own, not the answer to our request.
    state.assumed = state.assumed.filter((other) => other !== assumed);
    if (event.isResponseActive || event.isForNow) tryAgain(step, assumed.wish);
    return;
  }
  if (response.phase !== "requested") return;
  const isMeant = event.eventId === eventIdOf(response.wish) || (event.eventId === undefined && event.isResponseActive);
  if (!isMeant) return;
  free(step);
  if (event.isResponseActive) {
    waitForOther(step, event.activeResponseId);
    if (isStillWanted(response)) tryAgain(step, response.wish);
  } else if (event.isForNow && isStillWanted(response)) {
    wake(step, "retry", turnLimits.retryMs * 2 ** response.wish.attemptCount);
    tryAgain(step, response.wish);
  }
};

/** The server is busy with a response that we did not see begin; or it was, and is over by now. */
const waitForOther = (step: Step, id: string | undefined): void => {
  const { state } = step;
  if (id !== undefined && state.settledResponseIds.includes(id)) {
    wake(step, "retry", turnLimits.retryMs);
    return;
  }
  state.response = { phase: "active", id, wish: undefined };
  wake(step, "response", id === undefined ? turnLimits.unknownResponseMs : turnLimits.responseMs);
};

/** Nothing was heard of the request or of the response for too long: the conversation goes on without it. */
export const onResponseOverdue = (step: Step): void => {
  const { response } = step.state;
  if (response.phase === "active") {
    cancelActive(step);
    if (response.id !== undefined) settle(step, response.id);
  }
  free(step);
  if (response.phase === "requested" && isStillWanted(response)) tryAgain(step, response.wish);
};
