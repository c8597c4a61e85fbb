import { samplesPerMs } from "../pcm.ts";
import type { AudioPart, SpokenPart } from "../voice.ts";
import {
  addSpoken,
  bounded,
  drop,
  isOfAside,
  keepSaid,
  rememberAsideItem,
  type Step,
  turnLimits,
  wake,
} from "./step.ts";
import type { HeardPart, SpokenItem, TurnCommand, TurnEvent } from "./types.ts";

/*
 * What the agent says, and what the conversation keeps of it after a cut: exactly what was sent.
 * truncation ≤ sent ≤ received, in whole frames; never by the wall clock.
 */

type EventOf<Type extends TurnEvent["type"]> = Extract<TurnEvent, { type: Type }>;

const isPart = ({ itemId, contentIndex }: AudioPart, other: AudioPart): boolean =>
  itemId === other.itemId && contentIndex === other.contentIndex;

/**
 * Is this audio of a response that was cut, or of an item that is through? Then it is dropped. What the conversation holds of
 * an item that begins only now was never heard: it is deleted.
 */
const isLate = (step: Step, responseId: string, itemId: string): boolean => {
  const { state, commands } = step;
  if (state.droppedIds.includes(itemId)) return true;
  if (state.outsideResponseIds.includes(responseId)) return !isOfAside(state, responseId);
  if (!state.droppedIds.includes(responseId) || state.spoken.some((item) => item.itemId === itemId)) return false;
  commands.push({ type: "delete_item", itemId });
  drop(step, itemId);
  return true;
};

export const onAudioPartAdded = (step: Step, { responseId, part }: EventOf<"audio_part_added">): void => {
  if (isLate(step, responseId, part.itemId) || step.state.spoken.some((item) => isPart(item, part))) return;
  if (isOfAside(step.state, responseId)) rememberAsideItem(step, part.itemId);
  addSpoken(step, { ...part, responseId, receivedSampleCount: 0, isComplete: false });
};

export const onAudioReceived = (step: Step, event: EventOf<"audio_received">): void => {
  const { state, commands } = step;
  const { responseId, part, sampleCount } = event;
  onAudioPartAdded(step, { type: "audio_part_added", responseId, part });
  const item = state.spoken.find((other) => isPart(other, part));
  if (item === undefined || item.isComplete || state.droppedIds.includes(responseId)) return;
  const grown = { ...item, receivedSampleCount: item.receivedSampleCount + sampleCount };
  state.spoken = state.spoken.map((other) => (other === item ? grown : other));
  state.isVoiceBusy = true;
  commands.push({ type: "speak", part });
  if (!state.voicedResponseIds.includes(responseId))
    state.voicedResponseIds = bounded(state.voicedResponseIds, responseId, turnLimits.rememberedIds);
  if (isOfAside(state, responseId) && state.aside.phase === "active") {
    state.aside = { ...state.aside, isHeard: true };
    return;
  }
  // Its `response.created` was lost: the conversation is taken all the same.
  if (state.response.phase === "none" && !state.settledResponseIds.includes(responseId)) {
    state.response = { phase: "active", id: responseId, wish: undefined };
    wake(step, "response", turnLimits.responseMs);
  }
};

export const onAudioRefused = ({ state }: Step, { part, sampleCount }: EventOf<"audio_refused">): void => {
  const without = (item: SpokenItem) => ({
    ...item,
    receivedSampleCount: Math.max(0, item.receivedSampleCount - sampleCount),
  });
  state.spoken = state.spoken.map((item) => (isPart(item, part) ? without(item) : item));
};

const complete = ({ state, commands }: Step, isMeant: (item: SpokenItem) => boolean): void => {
  const itemIds = new Set(state.spoken.filter((item) => !item.isComplete && isMeant(item)).map(({ itemId }) => itemId));
  for (const itemId of itemIds) commands.push({ type: "finish_item", itemId });
  state.spoken = state.spoken.map((item) => (itemIds.has(item.itemId) ? { ...item, isComplete: true } : item));
};

export const onAudioCompleted = (step: Step, { itemId }: EventOf<"audio_completed">): void =>
  complete(step, (item) => item.itemId === itemId);

/** The response is over in any way but a cancel: what came of it is heard to its end. */
export const finishResponse = (step: Step, responseId: string): void =>
  complete(step, (item) => item.responseId === responseId);

export const onVoiceDrained = (step: Step): void => {
  const { state } = step;
  state.isVoiceBusy = false;
  for (const item of state.spoken.filter(({ isComplete }) => isComplete)) {
    if (!state.asideItemIds.includes(item.itemId)) keepSaid(step, { ...item, ms: receivedMsOf(item) });
    drop(step, item.itemId);
  }
  state.spoken = state.spoken.filter((item) => !item.isComplete);
};

/** Silence now, if there is anything to silence. */
export const cutVoice = ({ state, commands }: Step): void => {
  if (state.isVoiceBusy || state.spoken.length > 0) commands.push({ type: "cut_voice" });
};

interface Heard {
  itemId: string;
  contentIndex: number;
  receivedMs: number;
  sentMs: number;
  isComplete: boolean;
}

const receivedMsOf = ({ receivedSampleCount }: SpokenItem): number => Math.floor(receivedSampleCount / samplesPerMs);

const clamp = (ms: number, mostMs: number): number =>
  Number.isFinite(ms) ? Math.max(0, Math.min(Math.floor(ms), mostMs)) : mostMs;

const heardOf = (item: SpokenItem, parts: readonly SpokenPart[], heard: HeardPart | undefined): Heard => {
  const receivedMs = receivedMsOf(item);
  // A part that the voice no longer lists was sent as far as it was received.
  const sentMs = clamp(parts.find((part) => isPart(part, item))?.sentMs ?? receivedMs, receivedMs);
  return { ...item, receivedMs, sentMs: heard && isPart(heard, item) ? clamp(heard.ms, sentMs) : sentMs };
};

const truncationOf = ({ itemId, contentIndex, receivedMs, sentMs, isComplete }: Heard): TurnCommand[] =>
  // An unfinished item has more on the server than we were given; a finished one that was sent whole must not be touched:
  // truncating erases its transcript.
  sentMs > 0 && (sentMs < receivedMs || !isComplete)
    ? [{ type: "truncate_item", itemId, contentIndex, audioEndMs: sentMs }]
    : [];

/** Tells the server what was heard of each part: nothing → delete the item; some → truncate; all → nothing. */
export const onVoiceCut = (step: Step, { parts }: EventOf<"voice_cut">): void => {
  const { state, commands } = step;
  const forgotten = parts.filter((part) => !state.spoken.some((item) => isPart(item, part)));
  const heard = [
    ...state.spoken.map((item) => heardOf(item, parts, state.heard)),
    ...forgotten.map((part) => ({ ...part, sentMs: clamp(part.sentMs, part.receivedMs), isComplete: true })),
  ];
  for (const itemId of new Set(heard.map((part) => part.itemId))) {
    const ofItem = heard.filter((part) => part.itemId === itemId);
    if (state.asideItemIds.includes(itemId)) {
      // In no conversation: there is nothing that the server could be told of it.
    } else if (ofItem.every(({ sentMs }) => sentMs === 0)) {
      commands.push({ type: "delete_item", itemId });
    } else {
      commands.push(...ofItem.flatMap(truncationOf));
      for (const part of ofItem) keepSaid(step, { ...part, ms: part.sentMs });
    }
    drop(step, itemId);
  }
  state.spoken = [];
  state.heard = undefined;
  state.isVoiceBusy = false;
};

/** The application knows better how much was heard: never more than was sent, but it may be less. */
export const takeBack = (step: Step, heard: HeardPart): void => {
  const { state, commands } = step;
  if (state.spoken.some((item) => isPart(item, heard))) {
    state.heard = heard; // The cut that follows tells what was sent of it.
    return;
  }
  // Items of which we know nothing, such as restored text, are never touched.
  const said = state.said.find((part) => isPart(part, heard));
  const ms = clamp(heard.ms, said?.ms ?? 0);
  if (said === undefined || ms === said.ms) return;
  const { itemId, contentIndex } = said;
  if (ms > 0) {
    commands.push({ type: "truncate_item", itemId, contentIndex, audioEndMs: ms });
    keepSaid(step, { itemId, contentIndex, ms });
  } else if (state.said.every((part) => part === said || part.itemId !== itemId)) {
    commands.push({ type: "delete_item", itemId });
    state.said = state.said.filter((part) => part !== said);
  }
};
