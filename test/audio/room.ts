import { Hearing, type HearingOptions } from "../../bridge-task/audio/hearing.ts";
import type { OpusCodec, OpusDecoder } from "../../bridge-task/audio/opus.ts";
import type { RtpAudio } from "../../bridge-task/audio/rtp.ts";

/**
 * A codec that shows where each sample comes from: a packet carries one number, and decodes to 20 ms (10 ms if its TOC says
 * so) of a square wave of that amplitude. Concealment is 1, FEC is 2: quiet, and told apart.
 */
const toc = { 10: 30 << 3, 20: 31 << 3 };
const square = (amplitude: number, samples: number): Int16Array =>
  Int16Array.from({ length: samples }, (_, at) => (at & 1 ? -amplitude : amplitude));

class FakeOpus implements OpusCodec {
  open = 0;
  createEncoder(): never {
    throw new Error("hearing encodes nothing");
  }
  createDecoder(): OpusDecoder {
    this.open++;
    return {
      decode: ([head = 0, low = 0, high = 0]) => {
        if (high === 0xff) throw new Error("broken packet");
        return square(low + high * 256, head === toc[10] ? 240 : 480);
      },
      decodeFec: (_, samples) => new Int16Array(samples).fill(2),
      conceal: (samples) => new Int16Array(samples).fill(1),
      close: () => {
        this.open--;
      },
    };
  }
}

export const packet = (sequenceNumber: number, timestamp: number, amplitude: number, ms: 10 | 20 = 20): RtpAudio => ({
  sequenceNumber: sequenceNumber & 0xffff,
  timestamp: timestamp >>> 0,
  payload: new Uint8Array([toc[ms], amplitude & 255, amplitude >> 8]),
});

/** Everything on a virtual clock: a tick every 20 ms, packets when the test says. */
export class Room {
  readonly opus = new FakeOpus();
  readonly pieces: { pcm: Int16Array; atMs: number }[] = [];
  readonly hearing: Hearing;
  nowMs = 0;
  #nextTickMs = 20;

  constructor(options: Partial<HearingOptions> = {}) {
    const onAudio = (pcm: Int16Array) => this.pieces.push({ pcm, atMs: this.nowMs });
    this.hearing = new Hearing({ opus: this.opus, onAudio, ...options });
  }

  until(atMs: number): void {
    for (; this.#nextTickMs <= atMs; this.#nextTickMs += 20) {
      this.nowMs = this.#nextTickMs;
      this.hearing.tick(this.nowMs);
    }
    this.nowMs = atMs;
  }

  push(atMs: number, speaker: string, rtp: RtpAudio): void {
    this.until(atMs);
    this.hearing.push(speaker, rtp, atMs);
  }

  /** A speaker in real time, one packet per 20 ms from `fromMs` on; amplitudes of 0 are packets of silence. */
  speak(speaker: string, amplitudes: number[], { fromMs = this.nowMs, sequence = 0, timestamp = 0 } = {}): void {
    for (const [index, amplitude] of amplitudes.entries()) {
      this.push(fromMs + index * 20, speaker, packet(sequence + index, timestamp + index * 960, amplitude));
    }
  }

  get heardMs(): number {
    return this.pieces.reduce((sum, { pcm }) => sum + pcm.length, 0) / 24;
  }

  /** The amplitude of each 20 ms frame. */
  get amplitudes(): number[] {
    return this.pieces.flatMap(({ pcm }) =>
      Array.from({ length: pcm.length / 480 }, (_, frame) => pcm[frame * 480] ?? 0),
    );
  }
}

export const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value);
export const numbered = (count: number, from = 2000): number[] =>
  Array.from({ length: count }, (_, index) => from + index);
