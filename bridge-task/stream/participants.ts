import { type Participant as ParticipantMessage, TrackType } from "./generated/models_pb.js";
import type { SfuEventPayload } from "./sfu-events.ts";

/** Somebody in the call: one session of one user. */
export interface Participant {
  userId: string;
  sessionId: string;
  name: string;
  /** Their user carries `custom.agent: true`. */
  isAgent: boolean;
  /** Their microphone is on. */
  publishesAudio: boolean;
  isSelf: boolean;
}

export interface ParticipantChange {
  type: "joined" | "updated" | "left";
  participant: Participant;
}

interface Entry {
  participant: Participant;
  /** Begins the id of each of their media streams; empty while unknown. */
  trackPrefix: string;
  /** Their microphone was on at least once. A muted one stays subscribed: nothing is lost when it comes back. */
  hasPublishedAudio: boolean;
}

const same = (one: Participant, other: Participant): boolean =>
  one.userId === other.userId &&
  one.name === other.name &&
  one.isAgent === other.isAgent &&
  one.publishesAudio === other.publishesAudio;

/** Who is in the call, as the SFU tells it. Holds no socket and no clock. */
export class Participants {
  readonly #selfSessionId: string;
  readonly #entries = new Map<string, Entry>();
  readonly #sessionByPrefix = new Map<string, string>();

  constructor(selfSessionId: string) {
    this.#selfSessionId = selfSessionId;
  }

  /** Takes in one event of the SFU and tells what it changed; events about other things change nothing. */
  apply(event: SfuEventPayload): ParticipantChange[] {
    switch (event.case) {
      case "joinResponse":
        return this.#replaceAll(event.value.callState?.participants ?? []);
      case "participantJoined":
      case "participantUpdated":
        return event.value.participant ? this.#put(event.value.participant) : [];
      case "participantLeft":
        return event.value.participant ? this.#remove(event.value.participant.sessionId) : [];
      case "trackPublished":
      case "trackUnpublished":
        return this.#track(event.value, event.case === "trackPublished");
      default:
        return [];
    }
  }

  list(): Participant[] {
    return [...this.#entries.values()].map(({ participant }) => ({ ...participant }));
  }

  /** Whose streams begin with this prefix. */
  byTrackPrefix(prefix: string): Participant | undefined {
    const sessionId = this.#sessionByPrefix.get(prefix);
    return sessionId === undefined ? undefined : this.#entries.get(sessionId)?.participant;
  }

  /** Sessions whose sound we want, never our own. */
  audible(): { userId: string; sessionId: string }[] {
    return [...this.#entries.values()]
      .filter(({ participant, hasPublishedAudio }) => hasPublishedAudio && !participant.isSelf)
      .map(({ participant: { userId, sessionId } }) => ({ userId, sessionId }));
  }

  #replaceAll(messages: readonly ParticipantMessage[]): ParticipantChange[] {
    const present = new Set(messages.map(({ sessionId }) => sessionId));
    const gone = [...this.#entries.keys()].filter((sessionId) => !present.has(sessionId));
    return [
      ...gone.flatMap((sessionId) => this.#remove(sessionId)),
      ...messages.flatMap((message) => this.#put(message)),
    ];
  }

  #put(message: ParticipantMessage): ParticipantChange[] {
    const { userId, sessionId, name, custom, publishedTracks, trackLookupPrefix } = message;
    if (sessionId === "") return [];
    return this.#set(
      {
        userId,
        sessionId,
        name,
        isAgent: custom?.agent === true,
        publishesAudio: publishedTracks.includes(TrackType.AUDIO),
        isSelf: sessionId === this.#selfSessionId,
      },
      trackLookupPrefix,
    );
  }

  #track(
    event: { userId: string; sessionId: string; type: TrackType; participant?: ParticipantMessage | undefined },
    isPublished: boolean,
  ): ParticipantChange[] {
    const { userId, sessionId, type, participant: message } = event;
    // The event may bring the participant along (a large call's list is cut): the track's state is the event's own.
    const known = message && message.sessionId === sessionId ? this.#put(message) : [];
    if (type !== TrackType.AUDIO || sessionId === "") return known;
    const entry = this.#entries.get(sessionId);
    if (!entry && !isPublished) return known;
    const participant = entry?.participant ?? {
      userId,
      sessionId,
      name: "",
      isAgent: false,
      isSelf: sessionId === this.#selfSessionId,
    };
    const changes = this.#set({ ...participant, publishesAudio: isPublished }, entry?.trackPrefix ?? "");
    return merged([...known, ...changes]);
  }

  #set(participant: Participant, trackPrefix: string): ParticipantChange[] {
    const before = this.#entries.get(participant.sessionId);
    const prefix = trackPrefix || (before?.trackPrefix ?? "");
    this.#entries.set(participant.sessionId, {
      participant,
      trackPrefix: prefix,
      hasPublishedAudio: participant.publishesAudio || before?.hasPublishedAudio === true,
    });
    if (before && before.trackPrefix !== prefix) this.#sessionByPrefix.delete(before.trackPrefix);
    if (prefix !== "") this.#sessionByPrefix.set(prefix, participant.sessionId);
    if (!before) return [{ type: "joined", participant: { ...participant } }];
    return same(before.participant, participant) ? [] : [{ type: "updated", participant: { ...participant } }];
  }

  #remove(sessionId: string): ParticipantChange[] {
    const entry = this.#entries.get(sessionId);
    if (!entry) return [];
    this.#entries.delete(sessionId);
    if (this.#sessionByPrefix.get(entry.trackPrefix) === sessionId) this.#sessionByPrefix.delete(entry.trackPrefix);
    return [{ type: "left", participant: { ...entry.participant, publishesAudio: false } }];
  }
}

/** Two changes of one participant in one event are one change, with the later state. */
const merged = (changes: readonly ParticipantChange[]): ParticipantChange[] => {
  const [first, last] = [changes[0], changes.at(-1)];
  return first && last ? [{ type: first.type, participant: last.participant }] : [];
};
