import type { HeardPart, SpokenItem, TurnCommand, TurnState, WakeKind, Wish } from "./types.ts";

/** One reduction in the making: a shallow copy of the state, whose parts are replaced and never changed, and its commands. */
export interface Step {
  state: { -readonly [Key in keyof TurnState]: TurnState[Key] };
  commands: TurnCommand[];
}

/** Times in milliseconds; counts bound every list, the oldest entry goes first. */
export const turnLimits = {
  /** Longest speech without a sign of its end, after which wishes are sent all the same. */
  speechMs: 60_000,
  /** From the end of speech to the response that VAD makes of it. */
  answerMs: 5_000,
  /** From `response.create` to `response.created`. */
  requestMs: 10_000,
  /** From `response.created` to `response.done`: 4,096 tokens are 205 s of audio, made several times faster than real time. */
  responseMs: 120_000,
  /** The same where only an error told that a response is active. */
  unknownResponseMs: 5_000,
  /** Before a wish that failed is sent again; doubles with each failure in a row. */
  retryMs: 500,
  /** From `response.created` to `response.done` of one sentence. */
  asideMs: 30_000,
  /** After the agent's own words, before it says a sentence about tools that still run. */
  silenceMs: 1_000,
  failuresInARow: 2,
  attemptsPerWish: 5,
  queuedWishes: 32,
  assumedWishes: 8,
  rememberedIds: 256,
  /** Tools at work at the same time; a call beyond it is answered by an error. */
  runningTools: 64,
  /** Two keys each. */
  toldCalls: 1_024,
  spokenItems: 64,
} as const;

export const bounded = <T>(list: readonly T[], added: T, limit: number): readonly T[] =>
  list.length < limit ? [...list, added] : [...list.slice(list.length - limit + 1), added];

export const wake = ({ state, commands }: Step, kind: WakeKind, afterMs: number): void => {
  state.wakeCount += 1;
  state.wakes = { ...state.wakes, [kind]: state.wakeCount };
  commands.push({ type: "wake", kind, wake: state.wakeCount, afterMs });
};

/** Forgets a wake: when it fires it means nothing. */
export const forgetWake = ({ state }: Step, kind: WakeKind): void => {
  const { [kind]: _, ...others } = state.wakes;
  state.wakes = others;
};

/** No response is active or requested any more. */
export const free = (step: Step): void => {
  step.state.response = { phase: "none" };
  forgetWake(step, "response");
};

/** From now on audio of this response or item is late and dropped. */
export const drop = ({ state }: Step, id: string): void => {
  if (!state.droppedIds.includes(id)) state.droppedIds = bounded(state.droppedIds, id, turnLimits.rememberedIds);
};

export const assumeAnswered = ({ state }: Step, eventId: string, wish: Wish): void => {
  state.assumed = bounded(state.assumed, { eventId, wish }, turnLimits.assumedWishes);
};

/** This response is no part of the conversation: it takes no turn and has no voice. */
export const leaveOutside = ({ state }: Step, responseId: string): void => {
  if (state.outsideResponseIds.includes(responseId)) return;
  state.outsideResponseIds = bounded(state.outsideResponseIds, responseId, turnLimits.rememberedIds);
};

/** Is this the aside that is being said? */
export const isOfAside = ({ aside }: TurnState, responseId: string): boolean =>
  aside.phase === "active" && aside.responseId === responseId;

/** This item is in no conversation: nothing of it can be truncated or deleted. */
export const rememberAsideItem = ({ state }: Step, itemId: string): void => {
  if (state.asideItemIds.includes(itemId)) return;
  state.asideItemIds = bounded(state.asideItemIds, itemId, turnLimits.rememberedIds);
};

export const settle = ({ state }: Step, responseId: string): void => {
  state.settledResponseIds = bounded(state.settledResponseIds, responseId, turnLimits.rememberedIds);
};

/** The conversation keeps this much of the part. */
export const keepSaid = ({ state }: Step, { itemId, contentIndex, ms }: HeardPart): void => {
  const others = state.said.filter((part) => part.itemId !== itemId || part.contentIndex !== contentIndex);
  state.said = bounded(others, { itemId, contentIndex, ms }, turnLimits.spokenItems);
};

export const addSpoken = ({ state }: Step, item: SpokenItem): void => {
  state.spoken = bounded(state.spoken, item, turnLimits.spokenItems);
};

export const confirmLater = ({ state }: Step, itemId: string): void => {
  if (state.unconfirmedItemIds.has(itemId)) return;
  state.unconfirmedItemIds = new Set(bounded([...state.unconfirmedItemIds], itemId, turnLimits.rememberedIds));
};
