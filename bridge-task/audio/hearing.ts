import type { JitterBufferOptions } from "./jitter-buffer.ts";
import { levelDbov } from "./level.ts";
import { Mix } from "./mix.ts";
import { type OpusCodec, OpusError } from "./opus.ts";
import type { RtpAudio } from "./rtp.ts";
import { type Filling, noCounts, type SourceCounts, Speaker } from "./speaker.ts";
import { quietDbov, Timeline, type TimelineCounts } from "./timeline.ts";

export type { RtpAudio } from "./rtp.ts";

export interface HearingOptions extends JitterBufferOptions {
  opus: OpusCodec;
  /** The model's timeline goes on: one or more whole 20 ms frames, the receiver's to keep. */
  onAudio: (pcm: Int16Array) => void;
  /** Most speakers at once; one more replaces the one that has sent nothing for longest. Default 32. */
  maxSpeakers?: number;
  /** A speaker without packets for so long is forgotten and its decoder freed; it may come back. Default 30,000 ms. */
  forgetAfterMs?: number;
}

/** Sums over all speakers since the beginning. */
export interface HearingStatistics extends SourceCounts, TimelineCounts {
  speakers: number;
  /** Packets of a new speaker for whom no decoder could be had. */
  refused: number;
  /** Audio given up while mixing, to bring a speaker back in step. */
  mixDroppedMs: number;
}

/** Without packets for at least so long, a speaker counts as silent; longer where the network jitters more. */
const shortestSilenceMs = 60;
const longestSilenceMs = 300;
/** The pauses inside speech, which do not end anybody's turn to be mixed. */
const audibleHangoverMs = 400;
/** Kept of who is not heard, so that the soft beginning of a word is not lost. */
const onsetFrames = 2;

const add = (sums: SourceCounts, counts: SourceCounts): SourceCounts => {
  const names = Object.keys(noCounts) as (keyof SourceCounts)[];
  return Object.fromEntries(names.map((name) => [name, sums[name] + counts[name]])) as unknown as SourceCounts;
};

/**
 * All speakers' RTP in, the one timeline that the model hears out. One speaker is the active one: its frames leave at once,
 * and its RTP timestamps are the timeline. Who is quiet beside the active speaker is not mixed in; while two or more are
 * audible, they are mixed with a small common delay. Where nobody sends, silence takes over at real-time pace.
 *
 *     const hearing = new Hearing({ opus: await loadOpus(), onAudio: (pcm) => model.appendInputAudio(pcm) });
 *     call.on("audio", (audio) => hearing.push(audio.sessionId, audio, performance.now()));
 *     new FrameClock({ onFrame: (nowMs) => hearing.tick(nowMs) }).start();
 */
export class Hearing {
  readonly #options: Required<Omit<HearingOptions, keyof JitterBufferOptions>> & JitterBufferOptions;
  readonly #timeline: Timeline;
  readonly #mix: Mix;
  readonly #speakers = new Map<string, Speaker>();
  /** Of speakers who are gone. */
  #past = noCounts;
  /** Undefined before the first packet and after the active speaker was removed. While mixing, the last one. */
  #active: Speaker | undefined;
  #lastPacketMs = Number.NEGATIVE_INFINITY;
  #nowMs = 0;
  #refused = 0;
  #closed = false;

  constructor(options: HearingOptions) {
    this.#options = { maxSpeakers: 32, forgetAfterMs: 30_000, ...options };
    this.#timeline = new Timeline(options.onAudio);
    this.#mix = new Mix((pcm, nowMs) => this.#timeline.sound(pcm, nowMs));
  }

  /** Takes a packet in. May call onAudio before it returns. */
  push(speakerId: string, packet: RtpAudio, nowMs: number): void {
    if (this.#closed) return;
    const speaker = this.#speakers.get(speakerId) ?? this.#admit(speakerId);
    if (!speaker) return;
    this.#nowMs = nowMs;
    this.#lastPacketMs = nowMs;
    this.#hear(speaker, speaker.push(packet, nowMs, this.#fillingOf(speaker)), nowMs);
    this.#timeline.flush();
  }

  /** Call it every 20 ms: gives up missing packets, ends waits of the mix, puts silence in where nobody sends. */
  tick(nowMs: number): void {
    if (this.#closed) return;
    this.#nowMs = nowMs;
    for (const speaker of [...this.#speakers.values()]) {
      this.#hear(speaker, speaker.tick(nowMs, this.#fillingOf(speaker)), nowMs);
      if (nowMs - speaker.lastPacketMs > this.#options.forgetAfterMs) this.#forget(speaker, nowMs);
    }
    this.#regroup(nowMs);
    if (this.#timeline.started) this.#pause(nowMs);
    this.#timeline.flush();
  }

  /** The speaker left: what of it was waiting is heard, then it is forgotten. */
  remove(speakerId: string): void {
    const speaker = this.#speakers.get(speakerId);
    if (!speaker || this.#closed) return;
    this.#forget(speaker, this.#nowMs);
    this.#timeline.flush();
  }

  /** Frees all decoders; nothing comes out any more. */
  close(): void {
    this.#closed = true;
    for (const speaker of this.#speakers.values()) this.#retire(speaker);
    this.#mix.clear();
    this.#active = undefined;
  }

  statistics(): HearingStatistics {
    let sums = this.#past;
    for (const speaker of this.#speakers.values()) sums = add(sums, speaker.counts());
    return {
      ...sums,
      ...this.#timeline.counts,
      speakers: this.#speakers.size,
      refused: this.#refused,
      mixDroppedMs: this.#mix.droppedMs,
    };
  }

  get #mixing(): boolean {
    return this.#mix.members.size > 0;
  }

  #fillingOf(speaker: Speaker): Filling {
    const leads = !this.#mixing && (this.#active ?? speaker) === speaker;
    return { filledSamples: leads ? this.#timeline.pauseSamples : 0, withGaps: leads };
  }

  #hear(speaker: Speaker, frames: Int16Array[], nowMs: number): void {
    for (const pcm of frames) {
      const level = levelDbov(pcm);
      if (level <= quietDbov) speaker.audibleUntilMs = nowMs + audibleHangoverMs;
      speaker.frames.push({ pcm, level, readyMs: nowMs });
      this.#regroup(nowMs);
      this.#active ??= speaker;
      if (!this.#mixing && this.#active === speaker) this.#say(speaker, nowMs);
      else if (!this.#mix.members.has(speaker)) speaker.frames.splice(0, speaker.frames.length - onsetFrames);
    }
    this.#mix.drain(nowMs);
  }

  /** All that waits of a speaker, as it is. */
  #say(speaker: Speaker, nowMs: number): void {
    for (const { pcm, level } of speaker.frames.splice(0)) this.#timeline.sound(pcm, nowMs, level);
  }

  /** Who is mixed, or who alone is heard. */
  #regroup(nowMs: number): void {
    const audible = [...this.#speakers.values()].filter((speaker) => speaker.audibleUntilMs > nowMs);
    if (audible.length > 1) {
      for (const speaker of this.#mix.members) if (!audible.includes(speaker)) this.#mix.remove(speaker);
      for (const speaker of audible) this.#mix.add(speaker, nowMs);
      return;
    }
    const [heard] = audible;
    if (this.#mixing) {
      // Who fell silent has only quiet frames left; with nobody audible the last of all was the same.
      this.#mix.flush(nowMs);
      this.#mix.clear();
    }
    if (!heard || heard === this.#active) return;
    this.#active = heard;
    this.#say(heard, nowMs);
  }

  /** Silence is due once those who are heard have sent nothing for longer than their network's jitter explains. */
  #pause(nowMs: number): void {
    const heard = this.#mixing ? [...this.#mix.members] : this.#active ? [this.#active] : [];
    const jitterMs = Math.max(shortestSilenceMs, ...heard.map((speaker) => speaker.jitterP99Ms));
    const waitMs = Math.min(longestSilenceMs, jitterMs);
    const sends = ({ lastPacketMs }: Speaker) => nowMs - lastPacketMs <= waitMs;
    if (heard.some(sends)) {
      this.#timeline.settle(nowMs);
      return;
    }
    if (!this.#mix.empty) return;
    const other = [...this.#speakers.values()].find(sends);
    if (other) {
      // Who sends nothing is not speaking, whatever the hangover says.
      for (const speaker of heard) speaker.audibleUntilMs = Number.NEGATIVE_INFINITY;
      this.#active = other;
      return;
    }
    for (const pcm of this.#active?.padded() ?? []) this.#timeline.sound(pcm, nowMs);
    this.#timeline.pause(nowMs, this.#lastPacketMs + waitMs);
  }

  /** Undefined if there is no decoder to be had right now; the speaker's next packet asks again. */
  #admit(speakerId: string): Speaker | undefined {
    if (this.#speakers.size >= this.#options.maxSpeakers) {
      const [idlest] = [...this.#speakers.values()].sort((a, b) => a.lastPacketMs - b.lastPacketMs);
      if (idlest) this.#retire(idlest);
    }
    try {
      const speaker = new Speaker(speakerId, this.#options.opus.createDecoder(), this.#options);
      this.#speakers.set(speakerId, speaker);
      return speaker;
    } catch (error) {
      if (!(error instanceof OpusError)) throw error;
      this.#refused++;
      return undefined;
    }
  }

  #forget(speaker: Speaker, nowMs: number): void {
    this.#hear(speaker, speaker.flush(this.#fillingOf(speaker)), nowMs);
    this.#mix.flush(nowMs);
    this.#retire(speaker);
  }

  #retire(speaker: Speaker): void {
    this.#mix.remove(speaker);
    if (this.#active === speaker) this.#active = undefined;
    this.#past = add(this.#past, speaker.counts());
    this.#speakers.delete(speaker.id);
    speaker.close();
  }
}
