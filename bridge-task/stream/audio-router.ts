import { Hold } from "./hold.ts";
import type { Participant } from "./participants.ts";
import type { ReceivedPacket } from "./subscriber.ts";

/** One packet of a participant's microphone, as it came off the wire: in any order, perhaps twice. */
export interface IncomingAudio extends ReceivedPacket {
  sessionId: string;
  userId: string;
}

export interface AudioRouterOptions {
  /** Whose streams begin with this prefix, as far as known. */
  ownerOf: (trackPrefix: string) => Participant | undefined;
  deliver: (packet: IncomingAudio) => void;
}

/** Packets of one stream that are kept until its owner, or a listener, is there: two seconds of speech. */
const heldPackets = 100;
/** Streams of unknown owners that are kept at a time; more than ever start at once. */
const heldStreams = 16;

/** A stream id is `<track lookup prefix>:<track type>:<anything>`; undefined for all that is not a microphone. */
export const microphonePrefix = (streamId: string): string | undefined => {
  const [prefix, type] = streamId.split(":", 2);
  return type === "TRACK_TYPE_AUDIO" && prefix !== "" ? prefix : undefined;
};

/**
 * Finds the speaker of each packet. Media and signalling travel apart: what comes before its owner is announced, or
 * before somebody listens, is kept for a while and handed over in order.
 */
export class AudioRouter {
  readonly #options: AudioRouterOptions;
  readonly #orphans = new Map<string, Hold<ReceivedPacket>>();
  #unheard: Hold<IncomingAudio> | undefined = new Hold(heldPackets);

  constructor(options: AudioRouterOptions) {
    this.#options = options;
  }

  push(streamId: string, packet: ReceivedPacket): void {
    const prefix = microphonePrefix(streamId);
    if (prefix === undefined) return;
    const owner = this.#options.ownerOf(prefix);
    if (owner) this.#deliver(owner, packet);
    else this.#keep(prefix, packet);
  }

  /** Somebody became known: hands over what was kept of them. */
  reconcile(): void {
    for (const [prefix, hold] of this.#orphans) {
      const owner = this.#options.ownerOf(prefix);
      if (!owner) continue;
      this.#orphans.delete(prefix);
      for (const packet of hold.take()) this.#deliver(owner, packet);
    }
  }

  /** Somebody listens from now on. Idempotent. */
  open(): void {
    const packets = this.#unheard?.take() ?? [];
    this.#unheard = undefined;
    for (const packet of packets) this.#options.deliver(packet);
  }

  #deliver({ sessionId, userId, isSelf }: Participant, packet: ReceivedPacket): void {
    if (isSelf) return;
    const audio = { ...packet, sessionId, userId };
    if (this.#unheard) this.#unheard.push(audio);
    else this.#options.deliver(audio);
  }

  #keep(prefix: string, packet: ReceivedPacket): void {
    let hold = this.#orphans.get(prefix);
    if (!hold) {
      const oldest = this.#orphans.keys().next();
      if (this.#orphans.size >= heldStreams && !oldest.done) this.#orphans.delete(oldest.value);
      hold = new Hold(heldPackets);
      this.#orphans.set(prefix, hold);
    }
    hold.push(packet);
  }
}
