import { type Step, turnLimits, wake } from "./step.ts";
import type { TurnState, Wish } from "./types.ts";

/* The wishes that wait: their order, what makes one of several, and when the next may go. */

export const plainWish = { parameters: undefined, sees: [], yieldsToSpeech: false, attemptCount: 0 };

/** The first attempt keeps the wish's own id, so that an application finds its `event_id` again in errors. */
export const eventIdOf = ({ id, attemptCount }: Wish): string => (attemptCount === 0 ? id : `${id}.${attemptCount}`);

/** Would a response that the server begins now have seen all that this wish wants seen? */
export const isCovered = ({ unconfirmedItemIds }: TurnState, wish: Wish): boolean =>
  wish.parameters === undefined && wish.sees.every((itemId) => !unconfirmedItemIds.has(itemId));

/** Puts a wish into the queue. The merged one takes the newer id: what covered the older may not cover both. */
export const enqueue = ({ state, commands }: Step, wish: Wish, place: "front" | "back"): void => {
  const twin = wish.parameters === undefined ? state.queue.find((other) => other.parameters === undefined) : undefined;
  if (twin === undefined) {
    if (state.queue.length >= turnLimits.queuedWishes) commands.push({ type: "abandon_wish", wish });
    else state.queue = place === "front" ? [wish, ...state.queue] : [...state.queue, wish];
    return;
  }
  const [older, newer] = place === "front" ? [wish, twin] : [twin, wish];
  const merged: Wish = {
    ...newer,
    // Items are confirmed in order: whoever has seen the newest has seen them all.
    sees: [...new Set([...older.sees, ...newer.sees])].slice(-turnLimits.rememberedIds),
    yieldsToSpeech: older.yieldsToSpeech && newer.yieldsToSpeech,
    survivesCancel: older.survivesCancel || newer.survivesCancel,
    isReplaceable: older.isReplaceable && newer.isReplaceable,
  };
  const others = state.queue.filter((other) => other !== twin);
  state.queue = place === "front" ? [merged, ...others] : state.queue.map((other) => (other === twin ? merged : other));
};

export const tryAgain = (step: Step, wish: Wish): void => {
  const attemptCount = wish.attemptCount + 1;
  if (attemptCount >= turnLimits.attemptsPerWish) step.commands.push({ type: "abandon_wish", wish });
  else enqueue(step, { ...wish, attemptCount }, "front");
};

/** Sends the next wish if one may be sent now: nothing is being answered, nobody speaks, no pause after a failure runs, and nothing holds it up. */
export const sendNextWish = (step: Step): void => {
  const { state, commands } = step;
  const [wish, ...rest] = state.queue;
  const isFree = state.response.phase === "none" && state.speech === "quiet" && state.wakes.retry === undefined;
  // Two voices would mix: what there is to say follows the aside that is being heard.
  const isAsideHeard = state.aside.phase === "active";
  if (wish === undefined || !isFree || isAsideHeard || state.isHeld) return;
  state.queue = rest;
  state.response = { phase: "requested", wish, isCancelled: false };
  commands.push({ type: "create_response", eventId: eventIdOf(wish), parameters: wish.parameters });
  wake(step, "response", turnLimits.requestMs);
};
