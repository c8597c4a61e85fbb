import { Mixer } from "./mixer.ts";
import { frameMs } from "./pcm.ts";
import type { Speaker } from "./speaker.ts";
import { quietDbov } from "./timeline.ts";

/** Shortest and longest time that a frame waits for the others' frames; between them, the members' jitter decides. */
const shortestDelayMs = 40;
const longestDelayMs = 100;
/** A member that has more than this queued gives up quiet frames until it has not: a burst after a stall, or a faster clock. */
const backlogFrames = 3;
/** ... and any frame beyond this (500 ms). */
const mostFrames = 25;

/**
 * Several speakers at once: their frames are summed in step. A slot goes out when each member has a frame for it, or when
 * the first has waited for the common delay; who is late misses the slot, not the sound.
 */
export class Mix {
  /** Frames given up to bring a member back in step, in ms. */
  droppedMs = 0;
  readonly #members = new Set<Speaker>();
  readonly #mixer = new Mixer();
  readonly #onFrame: (pcm: Int16Array, nowMs: number) => void;

  constructor(onFrame: (pcm: Int16Array, nowMs: number) => void) {
    this.#onFrame = onFrame;
  }

  get members(): ReadonlySet<Speaker> {
    return this.#members;
  }

  /** Nothing waits for its slot. */
  get empty(): boolean {
    for (const { frames } of this.#members) if (frames.length > 0) return false;
    return true;
  }

  add(speaker: Speaker, nowMs: number): void {
    if (this.#members.has(speaker)) return;
    this.#members.add(speaker);
    for (const frame of speaker.frames) frame.readyMs = nowMs;
  }

  remove(speaker: Speaker): void {
    this.#members.delete(speaker);
  }

  clear(): void {
    this.#members.clear();
  }

  /** Emits each slot that is complete or due. */
  drain(nowMs: number): void {
    const delayMs = this.#delayMs();
    for (;;) {
      const ready = [...this.#members].filter(({ frames }) => frames.length > 0);
      const oldestMs = Math.min(...ready.map(({ frames }) => frames[0]?.readyMs ?? nowMs));
      const complete = ready.length === this.#members.size;
      if (ready.length === 0 || (!complete && nowMs - oldestMs < delayMs)) return;
      this.#slot(ready, nowMs);
      for (const speaker of this.#members) this.#trim(speaker);
    }
  }

  /** Emits all that waits. */
  flush(nowMs: number): void {
    for (;;) {
      const ready = [...this.#members].filter(({ frames }) => frames.length > 0);
      if (ready.length === 0) return;
      this.#slot(ready, nowMs);
    }
  }

  #slot(ready: Speaker[], nowMs: number): void {
    const frames = ready.flatMap((speaker) => speaker.frames.shift()?.pcm ?? []);
    this.#onFrame(this.#mixer.mix(frames), nowMs);
  }

  #trim({ frames }: Speaker): void {
    while (frames.length > mostFrames || (frames.length > backlogFrames && (frames[0]?.level ?? 0) > quietDbov)) {
      frames.shift();
      this.droppedMs += frameMs;
    }
  }

  #delayMs(): number {
    const jitterMs = Math.max(0, ...[...this.#members].map((member) => member.jitterP99Ms));
    return Math.min(longestDelayMs, Math.max(shortestDelayMs, jitterMs));
  }
}
