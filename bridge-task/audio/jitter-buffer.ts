import { type OpusPacketFacts, readOpusPacket } from "./opus-packet.ts";
import { type RtpAudio, sequenceDistance, timestampDistance } from "./rtp.ts";

/** What comes out, in the order of the sender's timeline. Without a jump of the sender's clock the lengths add up to it. */
export type JitterOutput =
  | { kind: "packet"; payload: Uint8Array; facts: OpusPacketFacts }
  /** Given up: `ticks` of audio are missing right before the packet `next`, which follows. */
  | { kind: "lost"; ticks: number; next: Uint8Array; nextFacts: OpusPacketFacts }
  /** The sender was silent and sent nothing (DTX, mute): its timestamp jumped further than its sequence number. */
  | { kind: "gap"; ticks: number };

export interface JitterBufferOptions {
  /** Shortest wait for a missing packet, counted from the first that overtook it, in ms. Default 20. */
  minWaitMs?: number;
  /** Longest such wait, in ms. Default 100. */
  maxWaitMs?: number;
  /** Most packets that wait behind a missing one; one more, and it is given up. Default 100 (2 s). */
  maxHeld?: number;
}

export interface JitterBufferCounts {
  received: number;
  duplicate: number;
  /** Came after they had been given up. */
  late: number;
  /** Given up, whether they came later or never. */
  lost: number;
  /** Not Opus. */
  malformed: number;
  /** The source began anew with other sequence numbers. */
  restarts: number;
}

interface Held {
  packet: RtpAudio;
  facts: OpusPacketFacts;
  arrivedMs: number;
}

/** Further ahead (10 s), or further behind, is no reordering but another source (after RFC 3550 A.1, with voice's numbers). */
const maxAhead = 500;
const maxBehind = 100;
/** A timestamp that is off by more than 10 s backwards is another source too, whatever its sequence number. */
const maxTicksBehind = 480_000;
/** So many packets of another source in a row prove it. */
const proof = 2;

const firstWaitMs = 40;
/** Per packet; what reordering taught is half forgotten after 14 s. */
const forget = 0.999;

/**
 * Puts one speaker's packets in order. Packets in order leave at once; behind a missing one they wait, as long as
 * reordering on this network has lately taken, and then it is given up. Pure: time comes in with each call.
 */
export class JitterBuffer {
  readonly counts: JitterBufferCounts = { received: 0, duplicate: 0, late: 0, lost: 0, malformed: 0, restarts: 0 };
  readonly #minWaitMs: number;
  readonly #maxWaitMs: number;
  readonly #maxHeld: number;
  readonly #held = new Map<number, Held>();
  /** Sequence numbers given up of late, and since when they had been missing. */
  readonly #givenUp = new Map<number, number>();
  #next: { sequenceNumber: number; timestamp: number; lastTicks: number } | undefined;
  #strays: { count: number; last: RtpAudio } | undefined;
  #reorderMs = firstWaitMs;

  constructor({ minWaitMs = 20, maxWaitMs = 100, maxHeld = 100 }: JitterBufferOptions = {}) {
    this.#minWaitMs = minWaitMs;
    this.#maxWaitMs = maxWaitMs;
    this.#maxHeld = maxHeld;
  }

  /** How long a missing packet is waited for at present, in ms. */
  get waitMs(): number {
    return Math.min(this.#maxWaitMs, Math.max(this.#minWaitMs, this.#reorderMs));
  }

  /** Takes a packet in and gives what can be played now. */
  push(packet: RtpAudio, nowMs: number): JitterOutput[] {
    const facts = readOpusPacket(packet.payload);
    if (!facts) {
      this.counts.malformed++;
      return [];
    }
    this.counts.received++;
    const { sequenceNumber } = packet;
    this.#next ??= { sequenceNumber, timestamp: packet.timestamp, lastTicks: facts.durationTicks };
    const ahead = sequenceDistance(this.#next.sequenceNumber, sequenceNumber);
    const ticksAhead = timestampDistance(this.#next.timestamp, packet.timestamp);
    const elsewhere = ahead !== 0 && ticksAhead < -maxTicksBehind;
    if (elsewhere || ahead > maxAhead || ahead < -maxBehind) return this.#stray(packet, facts);
    this.#strays = undefined;
    if (ahead < 0) {
      this.#passed(sequenceNumber, nowMs);
      return [];
    }
    if (this.#held.has(sequenceNumber)) {
      this.counts.duplicate++;
      return [];
    }
    if (ahead === 0 && this.#held.size > 0) this.#learn(nowMs - this.#missingSince());
    this.#held.set(sequenceNumber, { packet, facts, arrivedMs: nowMs });
    return this.#release(nowMs);
  }

  /** Gives what can be played without what has been missing for too long. */
  tick(nowMs: number): JitterOutput[] {
    return this.#held.size === 0 ? [] : this.#release(nowMs);
  }

  /** Gives all that is left, in order: nothing more will come. */
  flush(): JitterOutput[] {
    return this.#release(Number.POSITIVE_INFINITY);
  }

  #release(nowMs: number): JitterOutput[] {
    const outputs: JitterOutput[] = [];
    while (this.#held.size > 0 && this.#next) {
      const { sequenceNumber } = this.#next;
      const inOrder = this.#held.get(sequenceNumber);
      const overdue = nowMs - this.#missingSince() >= this.waitMs || this.#held.size > this.#maxHeld;
      if (!inOrder && !overdue) break;
      const held = inOrder ?? this.#nearest(sequenceNumber);
      if (!held) break;
      if (!inOrder) this.#giveUp(sequenceNumber, held.packet.sequenceNumber);
      outputs.push(...this.#advance(held));
    }
    return outputs;
  }

  /** Moves the timeline on to a held packet, over what is missing before it. */
  #advance({ packet, facts }: Held): JitterOutput[] {
    const next = this.#next;
    this.#held.delete(packet.sequenceNumber);
    this.#reorderMs *= forget;
    const { payload } = packet;
    const outputs: JitterOutput[] = [];
    if (next) {
      const missing = sequenceDistance(next.sequenceNumber, packet.sequenceNumber);
      // Backwards: the sender set its clock anew. Nothing can be said about the time between.
      const jumped = Math.max(0, timestampDistance(next.timestamp, packet.timestamp));
      const lost = Math.min(jumped, missing * next.lastTicks);
      if (jumped > lost) outputs.push({ kind: "gap", ticks: jumped - lost });
      if (lost > 0) outputs.push({ kind: "lost", ticks: lost, next: payload, nextFacts: facts });
    }
    outputs.push({ kind: "packet", payload, facts });
    this.#next = {
      sequenceNumber: (packet.sequenceNumber + 1) & 0xffff,
      timestamp: (packet.timestamp + facts.durationTicks) >>> 0,
      lastTicks: facts.durationTicks,
    };
    return outputs;
  }

  #giveUp(from: number, to: number): void {
    const since = this.#missingSince();
    for (let missing = from; missing !== to; missing = (missing + 1) & 0xffff) {
      this.counts.lost++;
      this.#givenUp.set(missing, since);
    }
    for (const [sequenceNumber] of this.#givenUp) {
      if (this.#givenUp.size <= maxBehind) break;
      this.#givenUp.delete(sequenceNumber);
    }
  }

  /** A packet from before the present place in the timeline. */
  #passed(sequenceNumber: number, nowMs: number): void {
    const missingSince = this.#givenUp.get(sequenceNumber);
    if (missingSince === undefined) {
      this.counts.duplicate++;
      return;
    }
    this.#givenUp.delete(sequenceNumber);
    this.counts.late++;
    this.#learn(nowMs - missingSince);
  }

  /** A packet that does not belong to this timeline: a broken one, or the first of a new source. */
  #stray(packet: RtpAudio, facts: OpusPacketFacts): JitterOutput[] {
    const last = this.#strays?.last.sequenceNumber;
    const follows = last !== undefined && sequenceDistance(last, packet.sequenceNumber) === 1;
    const count = follows ? (this.#strays?.count ?? 0) + 1 : 1;
    this.#strays = { count, last: packet };
    return count < proof ? [] : this.#restart(packet, facts);
  }

  #restart(packet: RtpAudio, facts: OpusPacketFacts): JitterOutput[] {
    const outputs = this.flush();
    this.counts.restarts++;
    this.#strays = undefined;
    this.#givenUp.clear();
    this.#next = undefined;
    return [...outputs, ...this.#advance({ packet, facts, arrivedMs: 0 })];
  }

  /** When the first of the waiting packets overtook the missing one. */
  #missingSince(): number {
    let since = Number.POSITIVE_INFINITY;
    for (const { arrivedMs } of this.#held.values()) since = Math.min(since, arrivedMs);
    return since;
  }

  #nearest(sequenceNumber: number): Held | undefined {
    let nearest: Held | undefined;
    let fewest = Number.POSITIVE_INFINITY;
    for (const held of this.#held.values()) {
      const distance = sequenceDistance(sequenceNumber, held.packet.sequenceNumber);
      if (distance < fewest) [nearest, fewest] = [held, distance];
    }
    return nearest;
  }

  /** A packet took `lateMs` longer than one sent after it. */
  #learn(lateMs: number): void {
    this.#reorderMs = Math.min(this.#maxWaitMs, Math.max(this.#reorderMs, lateMs * 1.25));
  }
}
