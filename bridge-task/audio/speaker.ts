import { ArrivalJitter } from "./arrival-jitter.ts";
import { JitterBuffer, type JitterBufferCounts, type JitterBufferOptions, type JitterOutput } from "./jitter-buffer.ts";
import type { OpusDecoder } from "./opus.ts";
import { frameSamples, samplesPerMs, ticksPerSample } from "./pcm.ts";
import { PcmQueue } from "./pcm-queue.ts";
import type { RtpAudio } from "./rtp.ts";

/** How a speaker's missing time is filled. */
export interface Filling {
  /** Silence that already stands in the model's timeline for the newest part of it. */
  filledSamples: number;
  /** The sender's own silence is part of the timeline: true for the one active speaker, false beside others. */
  withGaps: boolean;
}

/** Where a speaker's audio came from, in ms. */
export interface SpeakerCounts {
  decodedMs: number;
  fecMs: number;
  concealedMs: number;
  /** Lost and replaced by silence: beyond what concealment can credibly make up. */
  blankedMs: number;
}

export type SourceCounts = JitterBufferCounts & SpeakerCounts;

export const noCounts: SourceCounts = {
  received: 0,
  duplicate: 0,
  late: 0,
  lost: 0,
  malformed: 0,
  restarts: 0,
  decodedMs: 0,
  fecMs: 0,
  concealedMs: 0,
  blankedMs: 0,
};

/** libopus conceals in steps of 2.5 ms. */
const stepSamples = 60;
/** Beyond this concealment is a hum that fades anyway. */
const longestConcealedSamples = 5 * frameSamples;
/** A longer jump is not silence but a clock set anew: nothing is put in for it. */
const longestGapSamples = 5000 * samplesPerMs;

/** One speaker: RTP in, whole 20 ms frames in order out. */
export class Speaker {
  readonly id: string;
  readonly #jitter: JitterBuffer;
  readonly #counts: SpeakerCounts = { decodedMs: 0, fecMs: 0, concealedMs: 0, blankedMs: 0 };
  readonly #arrivals = new ArrivalJitter();
  readonly #decoder: OpusDecoder;
  readonly #pcm = new PcmQueue();
  /** Silence that filled up an unfinished frame since the last packet. */
  #paddedSamples = 0;
  lastPacketMs = Number.NEGATIVE_INFINITY;
  /** Until then counted as speaking, with a hangover over the short pauses of speech. */
  audibleUntilMs = Number.NEGATIVE_INFINITY;
  /** Decoded frames that wait for the others, while mixing; else the last ones, kept for the onset of a word. */
  readonly frames: { pcm: Int16Array; level: number; readyMs: number }[] = [];

  constructor(id: string, decoder: OpusDecoder, options: JitterBufferOptions) {
    this.id = id;
    this.#decoder = decoder;
    this.#jitter = new JitterBuffer(options);
  }

  get jitterP99Ms(): number {
    return this.#arrivals.p99Ms;
  }

  push(packet: RtpAudio, nowMs: number, filling: Filling): Int16Array[] {
    this.lastPacketMs = nowMs;
    this.#arrivals.note(packet.timestamp, nowMs);
    return this.#render(this.#jitter.push(packet, nowMs), filling);
  }

  tick(nowMs: number, filling: Filling): Int16Array[] {
    return this.#render(this.#jitter.tick(nowMs), filling);
  }

  /** What is left, the last frame filled up with silence. */
  flush(filling: Filling): Int16Array[] {
    return [...this.#render(this.#jitter.flush(), filling), ...this.padded()];
  }

  /** The rest of an unfinished frame (packets of 10 ms leave one), filled up with silence; none when there is none. */
  padded(): Int16Array[] {
    if (this.#pcm.length === 0) return [];
    const padding = new Int16Array(frameSamples - this.#pcm.length);
    this.#paddedSamples += padding.length;
    this.#pcm.push(padding);
    return [this.#pcm.take(frameSamples)];
  }

  counts(): SourceCounts {
    return { ...this.#jitter.counts, ...this.#counts };
  }

  close(): void {
    this.#decoder.close();
  }

  #render(outputs: JitterOutput[], { filledSamples, withGaps }: Filling): Int16Array[] {
    let filled = filledSamples + this.#paddedSamples;
    if (outputs.length > 0) this.#paddedSamples = 0;
    for (const output of outputs) {
      if (output.kind === "packet") {
        filled = 0;
        this.#decode(output.payload, output.facts.durationTicks / ticksPerSample);
        continue;
      }
      const samples = Math.floor(output.ticks / ticksPerSample);
      const missing = samples - filled > longestGapSamples ? 0 : Math.max(0, samples - filled);
      filled = Math.max(0, filled - samples);
      if (output.kind === "lost") {
        this.#restore(missing, missing === samples, output);
      } else if (withGaps) {
        this.#pcm.push(new Int16Array(missing));
      }
    }
    const frames: Int16Array[] = [];
    while (this.#pcm.length >= frameSamples) frames.push(this.#pcm.take(frameSamples));
    return frames;
  }

  #decode(payload: Uint8Array, samples: number): void {
    try {
      const pcm = this.#decoder.decode(payload);
      this.#counts.decodedMs += pcm.length / samplesPerMs;
      this.#pcm.push(pcm);
    } catch {
      // The header looked like Opus and the rest was not: as good as lost.
      this.#conceal(samples);
    }
  }

  /** Lost audio: concealed, then blank, then its end restored from the copy in the next packet. */
  #restore(samples: number, fromItsStart: boolean, { next, nextFacts }: JitterOutput & { kind: "lost" }): void {
    const wholeSteps = samples - (samples % stepSamples);
    const restorable = nextFacts.hasFec ? Math.min(wholeSteps, nextFacts.frameTicks / ticksPerSample) : 0;
    // Behind silence that already went out there is nothing to carry on from.
    const concealable = fromItsStart ? Math.min(samples - restorable, longestConcealedSamples) : 0;
    this.#conceal(concealable);
    const blank = samples - restorable - concealable;
    this.#pcm.push(new Int16Array(blank));
    this.#counts.blankedMs += blank / samplesPerMs;
    if (restorable === 0) return;
    try {
      this.#pcm.push(this.#decoder.decodeFec(next, restorable));
      this.#counts.fecMs += restorable / samplesPerMs;
    } catch {
      // The next packet is broken too, so its copy is.
      this.#conceal(restorable);
    }
  }

  #conceal(samples: number): void {
    const steps = samples - (samples % stepSamples);
    for (let done = 0; done < steps; done += frameSamples) {
      this.#pcm.push(this.#decoder.conceal(Math.min(frameSamples, steps - done)));
    }
    this.#pcm.push(new Int16Array(samples - steps));
    this.#counts.concealedMs += samples / samplesPerMs;
  }
}
