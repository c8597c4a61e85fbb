import type { ConversationItem, RealtimeServerEvent, SessionCreatedEvent } from "openai/resources/realtime/realtime";
import { nestLegacyKeys } from "./session/tree.ts";

type EventOf<Type extends RealtimeServerEvent["type"]> = Extract<RealtimeServerEvent, { type: Type }>;

/** Server events that had another name in the beta protocol. Every other event is called the same in both. */
const betaNames = {
  "conversation.item.added": "conversation.item.created",
  "response.output_text.delta": "response.text.delta",
  "response.output_text.done": "response.text.done",
  "response.output_audio.delta": "response.audio.delta",
  "response.output_audio.done": "response.audio.done",
  "response.output_audio_transcript.delta": "response.audio_transcript.delta",
  "response.output_audio_transcript.done": "response.audio_transcript.done",
} as const satisfies Partial<Record<RealtimeServerEvent["type"], string>>;

type RenamedType = keyof typeof betaNames;
export type BetaName = (typeof betaNames)[RenamedType];

type BetaEventOf<Type extends RenamedType> = Omit<EventOf<Type>, "type"> & { type: (typeof betaNames)[Type] };

/** What a listener under each beta name gets: today's event, but for its `type`. */
export type BetaServerEvents = {
  [Type in RenamedType as (typeof betaNames)[Type]]: [event: BetaEventOf<Type>];
};

const betaNameByGa: ReadonlyMap<string, BetaName> = new Map(Object.entries(betaNames));
const gaNameByBeta: ReadonlyMap<string, RenamedType> = new Map(
  Object.entries(betaNames).map(([ga, beta]) => [beta, ga as RenamedType]),
);

/** The name that today's event had in the beta protocol; undefined where it had no other. */
export const betaNameOf = (gaType: string): BetaName | undefined => betaNameByGa.get(gaType);

/** Today's name of a beta event; undefined where the name never changed. */
export const gaNameOf = (betaType: string): RenamedType | undefined => gaNameByBeta.get(betaType);

const gaPartTypes = new Map<string | undefined, string>([
  ["text", "output_text"],
  ["audio", "output_audio"],
]);

/** In items, the beta protocol called the assistant's parts `text` and `audio`. */
const gaItemOf = (item: ConversationItem): ConversationItem => {
  if (item?.type !== "message" || item.role !== "assistant" || !Array.isArray(item.content)) return item;
  if (!item.content.some((part) => gaPartTypes.has(part?.type))) return item;
  const content = item.content.map((part) => ({ ...part, type: gaPartTypes.get(part?.type) ?? part?.type }));
  return { ...item, content } as ConversationItem;
};

const withGaShape = (event: RealtimeServerEvent): RealtimeServerEvent => {
  switch (event.type) {
    case "session.created":
    case "session.updated": {
      const session = nestLegacyKeys({ ...event.session }) as unknown as SessionCreatedEvent["session"];
      return { ...event, session };
    }
    case "conversation.item.added":
    case "conversation.item.done":
    case "conversation.item.retrieved":
    case "response.output_item.added":
    case "response.output_item.done": {
      const item = gaItemOf(event.item);
      return item === event.item ? event : { ...event, item };
    }
    case "response.done": {
      const { response } = event;
      if (!Array.isArray(response?.output)) return event;
      return { ...event, response: { ...response, output: response.output.map(gaItemOf) } };
    }
    default:
      return event;
  }
};

/** A server event under today's name and in today's shape, whichever protocol the server speaks. */
export const toGaEvent = (event: RealtimeServerEvent): RealtimeServerEvent => {
  const type = gaNameOf(event.type);
  return withGaShape(type === undefined ? event : ({ ...event, type } as RealtimeServerEvent));
};

/** How many items are remembered for which the server may still send the same news under the other name. */
const rememberedItems = 256;

/**
 * Server events as the rest of the client sees them: today's names only. A server that tells of a new item under both names
 * (`conversation.item.created` and `conversation.item.added`, in either order) is heard once.
 */
export class EventNames {
  /** The name under which the server told of each item, oldest first. */
  readonly #toldAs = new Map<string, string>();

  /** Undefined: the server said the same before under the event's other name. */
  toGaEvent(event: RealtimeServerEvent): RealtimeServerEvent | undefined {
    if (event.type === "conversation.item.deleted") this.#toldAs.delete(event.item_id);
    if (event.type === "conversation.item.added" || event.type === "conversation.item.created") {
      const itemId = event.item?.id;
      if (itemId !== undefined && !this.#isNew(itemId, event.type)) return undefined;
    }
    return toGaEvent(event);
  }

  #isNew(itemId: string, name: string): boolean {
    const toldAs = this.#toldAs.get(itemId);
    if (toldAs !== undefined) return toldAs === name;
    this.#toldAs.set(itemId, name);
    const [oldest] = this.#toldAs.keys();
    if (this.#toldAs.size > rememberedItems && oldest !== undefined) this.#toldAs.delete(oldest);
    return true;
  }
}
