import { ticksPerMs } from "./pcm.ts";
import { timestampDistance } from "./rtp.ts";

/** About 10 s of 20 ms packets: long enough for a p99, short enough to forget a bad spell. */
const windowPackets = 500;
/** The quantile costs a sort, so it is worked out anew only so often. */
const refreshPackets = 25;
/** A step this large is another clock (a new source, a timestamp that stood still while muted), not jitter. */
const newClockMs = 1000;

/**
 * How unevenly a speaker's packets arrive: the spread of (arrival − RTP timestamp) above its recent minimum.
 */
export class ArrivalJitter {
  #transitsMs: number[] = [];
  #oldest = 0;
  #sinceRefresh = 0;
  #p99Ms = 0;
  #last: { timestamp: number; atMs: number; transitMs: number } | undefined;

  /** 0 until the first packets tell otherwise. */
  get p99Ms(): number {
    return this.#p99Ms;
  }

  note(timestamp: number, nowMs: number): void {
    const last = this.#last;
    const sentMs = last ? timestampDistance(last.timestamp, timestamp) / ticksPerMs : 0;
    const stepMs = last ? nowMs - last.atMs - sentMs : 0;
    if (Math.abs(stepMs) > newClockMs) {
      this.#transitsMs = [];
      this.#oldest = 0;
      this.#p99Ms = 0;
    }
    const transitMs = (last?.transitMs ?? 0) + stepMs;
    this.#last = { timestamp, atMs: nowMs, transitMs };
    if (this.#transitsMs.length < windowPackets) this.#transitsMs.push(transitMs);
    else this.#transitsMs[this.#oldest] = transitMs;
    this.#oldest = (this.#oldest + 1) % windowPackets;
    this.#sinceRefresh++;
    if (this.#sinceRefresh >= refreshPackets) this.#refresh();
  }

  #refresh(): void {
    this.#sinceRefresh = 0;
    const sorted = Float64Array.from(this.#transitsMs).sort();
    const p99 = sorted[Math.floor((sorted.length - 1) * 0.99)] ?? 0;
    this.#p99Ms = p99 - (sorted[0] ?? 0);
  }
}
