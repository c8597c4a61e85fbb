import { assumeAnswered, drop, forgetWake, leaveOutside, type Step, settle, turnLimits, wake } from "./turn-step.ts";
import type { ActiveResponse, TurnEvent, TurnState, Wish } from "./turn-types.ts";
import { cutVoice, finishResponse } from "./turn-voice.ts";

/*
 * At most one response is active in the conversation. A wish for another waits until it is done and until nobody speaks;
 * wishes without parameters become one, and one that VAD's own response has answered is not sent.
 */

type EventOf<Type extends TurnEvent["type"]> = Extract<TurnEvent, { type: Type }>;

const plainWish = { parameters: undefined, sees: [], yieldsToSpeech: false, attemptCount: 0 };

const eventIdOf = (wish: Wish): string => `${wish.id}.${wish.attemptCount}`;

/** Would a response that the server begins now have seen all that this wish wants seen? */
const isCovered = ({ unconfirmedItemIds }: TurnState, wish: Wish): boolean =>
  wish.parameters === undefined && wish.sees.every((itemId) => !unconfirmedItemIds.has(itemId));

/** Puts a wish into the queue. The merged one takes the newer id: what covered the older may not cover both. */
const enqueue = ({ state, commands }: Step, wish: Wish, place: "front" | "back"): void => {
  const twin = wish.parameters === undefined ? state.queue.find((other) => other.parameters === undefined) : undefined;
  if (twin === undefined) {
    if (state.queue.length >= turnLimits.queuedWishes) commands.push({ type: "abandon_wish", wish });
    else state.queue = place === "front" ? [wish, ...state.queue] : [...state.queue, wish];
    return;
  }
  const [older, newer] = place === "front" ? [wish, twin] : [twin, wish];
  const yieldsToSpeech = older.yieldsToSpeech && newer.yieldsToSpeech;
  const merged = { ...newer, sees: [...new Set([...older.sees, ...newer.sees])], yieldsToSpeech };
  const others = state.queue.filter((other) => other !== twin);
  state.queue = place === "front" ? [merged, ...others] : state.queue.map((other) => (other === twin ? merged : other));
};

const tryAgain = (step: Step, wish: Wish): void => {
  const attemptCount = wish.attemptCount + 1;
  if (attemptCount >= turnLimits.attemptsPerWish) step.commands.push({ type: "abandon_wish", wish });
  else enqueue(step, { ...wish, attemptCount }, "front");
};

/** Sends the next wish if one may be sent now. */
export const sendNextWish = (step: Step): void => {
  const { state, commands } = step;
  const [wish, ...rest] = state.queue;
  const isFree = state.response.phase === "none" && state.speech === "quiet" && state.wakes.retry === undefined;
  if (wish === undefined || !isFree) return;
  state.queue = rest;
  state.response = { phase: "requested", wish, isCancelled: false };
  commands.push({ type: "create_response", eventId: eventIdOf(wish), parameters: wish.parameters });
  wake(step, "response", turnLimits.requestMs);
};

const free = (step: Step): void => {
  step.state.response = { phase: "none" };
  forgetWake(step, "response");
};

export const onResponseWanted = (step: Step, { wish }: EventOf<"response_wanted">): void => {
  const { state, commands } = step;
  if (wish.parameters?.conversation === "none") {
    // It writes to no conversation, so it takes no turn.
    commands.push({ type: "create_response", eventId: eventIdOf(wish), parameters: wish.parameters });
    return;
  }
  if (wish.yieldsToSpeech && state.speech !== "quiet") return;
  const { response } = state;
  const isUnderWay = response.phase === "requested" && !response.isCancelled && response.wish.parameters === undefined;
  if (isUnderWay && wish.parameters === undefined && wish.sees.length === 0) return;
  enqueue(step, wish, "back");
  sendNextWish(step);
};

/** Be quiet: the active response, and every wish made so far. */
export const onCancelWanted = (step: Step): void => {
  const { state, commands } = step;
  const { response } = state;
  state.queue = [];
  state.assumed = [];
  if (response.phase === "requested") {
    // A cancel that overtakes its response does nothing: it is sent when the response has an id.
    state.response = { ...response, isCancelled: true };
  } else if (response.phase === "active") {
    cancelActive(step);
  } else {
    // The server may be about to begin one; if not, it says so and nobody is told.
    commands.push({ type: "cancel_response", responseId: undefined });
  }
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
  if (response.phase === "requested") {
    onRequestedCreated(step, id, response);
  } else {
    state.response = { phase: "active", id, wish: undefined };
    state.queue = state.queue.filter((wish) => !isCovered(state, wish));
  }
  state.assumed = state.assumed.filter(({ wish }) => !isCovered(state, wish));
  if (state.speech === "awaiting_response") {
    state.speech = "quiet";
    forgetWake(step, "speech");
  }
  wake(step, "response", turnLimits.responseMs);
};

/** A response begins while ours is requested: it is taken for ours, unless an error says later that it was the server's own. */
const onRequestedCreated = (step: Step, id: string, { wish, isCancelled }: ActiveResponse & { phase: "requested" }) => {
  const { state } = step;
  const isUnwanted = isCancelled || state.speech === "speaking";
  state.response = { phase: "active", id, wish: isUnwanted ? undefined : wish };
  if (!isUnwanted) {
    assumeAnswered(step, eventIdOf(wish), wish);
    // A bare wish that waits wants one more response, whatever this one sees.
    state.queue = state.queue.filter((other) => other.sees.length === 0 || !isCovered(state, other));
    return;
  }
  cancelActive(step);
  // Nobody talks over a person: the wish waits for the response to what is being said.
  if (!isCancelled) tryAgain(step, wish);
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
  free(step);
  if (outcome === "completed") state.failureCount = 0;
  if (outcome === "failed_for_now" && state.failureCount < turnLimits.failuresInARow) {
    enqueue(step, { ...plainWish, ...response.wish, id: `retry_${responseId}`, attemptCount: 0 }, "front");
    wake(step, "retry", turnLimits.retryMs * 2 ** state.failureCount);
    state.failureCount += 1;
  }
  sendNextWish(step);
};

export const onRefused = (step: Step, event: EventOf<"refused">): void => {
  const { state } = step;
  const { response } = state;
  if (event.isResponseActive && event.eventId === undefined && state.speech === "awaiting_response") {
    // The server could not answer the speech by itself, because a response was still active: the person must not go unanswered.
    state.speech = "quiet";
    forgetWake(step, "speech");
    enqueue(step, { ...plainWish, id: `speech_${state.wakeCount}` }, "front");
    sendNextWish(step);
    return;
  }
  const assumed = state.assumed.find(({ eventId }) => eventId === event.eventId);
  if (assumed) {
    // The response that began first was the server's own, not the answer to our request.
    state.assumed = state.assumed.filter((other) => other !== assumed);
    if (event.isResponseActive) tryAgain(step, assumed.wish);
    sendNextWish(step);
    return;
  }
  if (response.phase !== "requested") return;
  const isMeant = event.eventId === eventIdOf(response.wish) || (event.eventId === undefined && event.isResponseActive);
  if (!isMeant) return;
  free(step);
  if (event.isResponseActive) {
    waitForOther(step, event.activeResponseId);
    if (!response.isCancelled) tryAgain(step, response.wish);
  }
  sendNextWish(step);
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
  if (response.phase === "requested" && !response.isCancelled) tryAgain(step, response.wish);
  sendNextWish(step);
};
