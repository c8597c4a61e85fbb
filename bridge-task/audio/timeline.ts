import { levelDbov } from "./level.ts";
import { concat, frameMs, frameSamples } from "./pcm.ts";

/** Quieter than this (−50 dBov) is no speech: room noise under a headset's noise suppression, digital silence. */
export const quietDbov = 50;

/** After this much quiet no decision of the model's VAD hangs on it any more, and silence may be dropped. */
const deepPauseFrames = 1000 / frameMs;
/** How far the timeline may be ahead of real time before silence is dropped from a deep pause. */
const toleratedLeadMs = 2 * frameMs;
/** ... and behind it before silence is added to a pause in which packets do arrive. */
const toleratedLagMs = 100;
/** Off by more than this, the process or a clock stood still; making up for it would help nobody. */
const newOriginMs = 2000;
const framesPerTick = 2;

export interface TimelineCounts {
  silenceAddedMs: number;
  silenceDroppedMs: number;
}

/**
 * The model's timeline: what speakers said, and silence where nobody sends. Speech is never held, stretched or dropped; the
 * timeline is kept to real time by silence alone, added or dropped in pauses, so that neither stalls of the network nor
 * unequal clocks add up.
 */
export class Timeline {
  readonly counts: TimelineCounts = { silenceAddedMs: 0, silenceDroppedMs: 0 };
  readonly #onAudio: (pcm: Int16Array) => void;
  #out: Int16Array[] = [];
  #originMs: number | undefined;
  #lengthMs = 0;
  #quietFrames = 0;
  #pauseFrames = 0;

  constructor(onAudio: (pcm: Int16Array) => void) {
    this.#onAudio = onAudio;
  }

  /** Sound has begun: from then on silence is due when nobody sends. */
  get started(): boolean {
    return this.#originMs !== undefined;
  }

  /** Silence put in since the last frame of a speaker. */
  get pauseSamples(): number {
    return this.#pauseFrames * frameSamples;
  }

  /** Adds a speaker's frame. Dropped only deep in a pause, every other one, while the timeline is ahead of real time. */
  sound(frame: Int16Array, nowMs: number, level = levelDbov(frame)): void {
    const quiet = level > quietDbov;
    const superfluous = quiet && this.#deep && this.#quietFrames % 2 === 0 && this.#leadMs(nowMs) > toleratedLeadMs;
    this.#pauseFrames = 0;
    this.#quietFrames = quiet ? this.#quietFrames + 1 : 0;
    if (superfluous) this.counts.silenceDroppedMs += frameMs;
    else this.#add(frame, nowMs);
  }

  /** Once per tick while somebody sends: deep in a pause, the timeline may catch up with real time. */
  settle(nowMs: number): void {
    if (this.#deep && this.#leadMs(nowMs) < -toleratedLagMs) this.#silence(nowMs);
  }

  /**
   * Silence is due since `pauseStartMs`: adds what of it is not there yet. Real-time pace, twice that while the timeline is
   * behind; deep in the pause it waits for real time to catch up.
   */
  pause(nowMs: number, pauseStartMs: number): void {
    if (nowMs < pauseStartMs) return;
    for (let added = 0; added < framesPerTick; added++) {
      const leadMs = this.#leadMs(nowMs);
      const dueFrames = Math.floor((nowMs - pauseStartMs) / frameMs) + 1;
      const due = this.#deep ? leadMs <= -frameMs : this.#pauseFrames < dueFrames || leadMs <= -frameMs;
      if (!due) return;
      this.#pauseFrames++;
      this.#quietFrames++;
      this.#silence(nowMs);
    }
  }

  /** Hands on what was added since the last time, in one piece. */
  flush(): void {
    if (this.#out.length === 0) return;
    const pcm = concat(this.#out);
    this.#out = [];
    this.#onAudio(pcm);
  }

  get #deep(): boolean {
    return this.#quietFrames >= deepPauseFrames;
  }

  #silence(nowMs: number): void {
    this.#add(new Int16Array(frameSamples), nowMs);
    this.counts.silenceAddedMs += frameMs;
  }

  #add(frame: Int16Array, nowMs: number): void {
    this.#originMs ??= nowMs;
    this.#out.push(frame);
    this.#lengthMs += frameMs;
  }

  /** How far the timeline is ahead of real time since its first frame. */
  #leadMs(nowMs: number): number {
    const leadMs = this.#lengthMs - (nowMs - (this.#originMs ?? nowMs));
    if (Math.abs(leadMs) <= newOriginMs) return leadMs;
    this.#originMs = nowMs - this.#lengthMs;
    return 0;
  }
}
