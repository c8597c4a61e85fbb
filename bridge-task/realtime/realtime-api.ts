import type {
  RealtimeClientEvent,
  RealtimeServerEvent,
  ConversationItem as WireItem,
} from "openai/resources/realtime/realtime";
import { InvalidInputError } from "../errors.ts";
import type { CloseNotice, RealtimeRecord } from "./client-events.ts";
import type { BetaServerEvents } from "./event-names.ts";
import { Listeners } from "./listeners.ts";
import type { ModelSession } from "./model-session.ts";
import { PcmDecoder } from "./pcm.ts";
import type { SessionUpdate } from "./session/keys.ts";
import { isTree } from "./session/tree.ts";
import type { ResponseRequest } from "./wire/responses.ts";
import { type AudioInput, encodeAudio } from "./wire/user-content.ts";

type ClientEventNamed<Type> = Extract<RealtimeClientEvent, { type: Type }>;

type Named<Event extends { type: string }, Prefix extends string> = {
  [One in Event as `${Prefix}${One["type"]}`]: [event: One];
};

type BetaNamed<Prefix extends string> = {
  [Name in keyof BetaServerEvents as `${Prefix}${Name}`]: BetaServerEvents[Name];
};

/** What crosses the wire, by direction and type; server events also under the names that they had in the beta. */
export interface RealtimeApiEvents
  extends Named<RealtimeServerEvent, "server.">,
    Named<RealtimeClientEvent, "client.">,
    Named<RealtimeServerEvent, "">,
    Named<RealtimeClientEvent, "">,
    Omit<BetaNamed<"server.">, `server.${RealtimeServerEvent["type"]}`>,
    Omit<BetaNamed<"">, RealtimeServerEvent["type"]> {
  "server.*": [event: RealtimeServerEvent];
  "client.*": [event: RealtimeClientEvent];
  close: [notice: CloseNotice];
}

/** What is translated on its way: old flat settings and samples are taken as well. */
interface TranslatedData {
  "session.update": { event_id?: string; session: SessionUpdate };
  "response.create": { event_id?: string; response?: ResponseRequest };
  "input_audio_buffer.append": { event_id?: string; audio: AudioInput };
}

type DataOf<Type> = Type extends keyof TranslatedData ? TranslatedData[Type] : Omit<ClientEventNamed<Type>, "type">;

/** The audio of an `append`: base64 as on the wire, or samples. */
const samplesOf = (audio: unknown): Int16Array => {
  if (audio instanceof Int16Array) return audio;
  if (typeof audio === "string" || audio instanceof ArrayBuffer || audio instanceof Uint8Array) {
    return new PcmDecoder().decode("", encodeAudio(audio));
  }
  throw new InvalidInputError(
    "input_audio_buffer.append needs audio: base64, an Int16Array, or bytes of 24 kHz mono PCM16",
  );
};

/**
 * The protocol itself, for what has no method of its own. What could wedge a session goes the same way as the methods do:
 * a `response.create` waits for its turn, an update of which the server would refuse a part keeps its rest.
 */
export class RealtimeApi extends Listeners<RealtimeApiEvents> {
  readonly #session: ModelSession;

  /** @internal */
  constructor(session: ModelSession, onListenerError: (event: string, error: unknown) => void) {
    super(onListenerError);
    this.#session = session;
  }

  isConnected(): boolean {
    return this.#session.isOpen;
  }

  /** Sends a client event: `send("response.create", { response: { … } })`. Throws InvalidInputError where `data` cannot be one. */
  send<Type extends RealtimeClientEvent["type"]>(type: Type, data: DataOf<Type> = {} as DataOf<Type>): true {
    if (typeof type !== "string" || !isTree(data)) {
      throw new InvalidInputError("send takes the type of an event and its fields: send(type, { … })");
    }
    if (this.#session.isUsable(type)) this.#route({ ...data, type } as unknown as RealtimeClientEvent);
    return true;
  }

  /** @internal Of the client: what crossed the wire. `isListed`: the listeners of everything hear it too. */
  record({ source, event }: RealtimeRecord, isListed = true): void {
    for (const name of [`${source}.${event.type}`, event.type]) this.tell(name, () => [event]);
    if (isListed) this.tell(`${source}.*`, () => [event]);
  }

  /** @internal Of the client: the session has ended. */
  closed(notice: CloseNotice): void {
    this.tell("close", () => [notice]);
    this.tellNoMore();
  }

  #route(event: RealtimeClientEvent): void {
    const session = this.#session;
    switch (event.type) {
      case "session.update":
        session.settings.update(event.session as SessionUpdate, event.event_id);
        return;
      case "response.create":
        session.requests.createResponse(event.response as ResponseRequest | undefined, { eventId: event.event_id });
        return;
      case "response.cancel":
        // One that is named may be outside of the conversation; the server knows.
        if (event.response_id === undefined) session.requests.cancel();
        else session.send(event);
        return;
      case "conversation.item.create":
        session.requests.createItem(event.item as WireItem, event);
        return;
      case "input_audio_buffer.append":
        session.audio.append(samplesOf(event.audio));
        return;
      case "input_audio_buffer.commit":
        session.audio.commitAsAsked(event);
        return;
      case "input_audio_buffer.clear":
        session.audio.clear(event);
        return;
      default:
        session.send(event);
    }
  }
}
