import { frameMs } from "./pcm.ts";

export interface FrameClockOptions<Timer> {
  /** Called once per interval. `skippedFrames`: how many were given up just before, because the process was held up. */
  onFrame: (nowMs: number, skippedFrames: number) => void;
  /** Default 20. */
  intervalMs?: number;
  /** How many late frames are made up for at once; older ones are skipped and counted. Default 5 (100 ms). */
  catchUpFrames?: number;
  now?: () => number;
  setTimeout?: (callback: () => void, delayMs: number) => Timer;
  clearTimeout?: (timer: Timer) => void;
}

export interface FrameClockStatistics {
  frameCount: number;
  skippedFrameCount: number;
  /** How long after its due time a frame ran, in ms; p50 and p99 rounded up to whole ms, of at most 1,000. */
  latenessMs: { p50: number; p99: number; max: number };
}

/** Node's timers work in whole ms and may fire up to one early; that frame is run, not waited for again. */
const earlyMs = 1;
const longestCountedMs = 1000;

/**
 * The one timer of the media path. Due times are absolute (start + k × interval), so lateness never adds up; setInterval
 * drifts for good under load.
 */
export class FrameClock<Timer = NodeJS.Timeout> {
  readonly #options: Required<FrameClockOptions<Timer>>;
  readonly #lateness = new Uint32Array(longestCountedMs + 1);
  #frameCount = 0;
  #skippedFrameCount = 0;
  #maxLatenessMs = 0;
  #dueMs = 0;
  #timer: Timer | undefined;

  constructor(options: FrameClockOptions<Timer>) {
    this.#options = {
      intervalMs: frameMs,
      catchUpFrames: 5,
      now: () => performance.now(),
      setTimeout: (callback, delayMs) => setTimeout(callback, delayMs) as Timer,
      clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
      ...options,
    };
  }

  /** The first frame is due one interval from now. A second start() changes nothing. */
  start(): void {
    if (this.#timer !== undefined) return;
    const now = this.#options.now();
    this.#dueMs = now + this.#options.intervalMs;
    this.#schedule(now);
  }

  stop(): void {
    if (this.#timer !== undefined) this.#options.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  statistics(): FrameClockStatistics {
    return {
      frameCount: this.#frameCount,
      skippedFrameCount: this.#skippedFrameCount,
      latenessMs: { p50: this.#quantile(0.5), p99: this.#quantile(0.99), max: this.#maxLatenessMs },
    };
  }

  #schedule(nowMs: number): void {
    this.#timer = this.#options.setTimeout(() => this.#run(), Math.max(1, this.#dueMs - nowMs));
  }

  #run(): void {
    const { intervalMs, catchUpFrames, now } = this.#options;
    const timer = this.#timer;
    try {
      let skipped = Math.max(0, Math.floor((now() - this.#dueMs) / intervalMs) - catchUpFrames);
      this.#dueMs += skipped * intervalMs;
      this.#skippedFrameCount += skipped;
      // A frame may itself take long, or stop the clock: the time and the timer are looked at anew for each.
      for (let ran = 0; ran <= catchUpFrames && this.#timer === timer; ran++) {
        const nowMs = now();
        if (nowMs < this.#dueMs - earlyMs) break;
        this.#note(nowMs - this.#dueMs);
        this.#dueMs += intervalMs;
        this.#options.onFrame(nowMs, skipped);
        skipped = 0;
      }
    } finally {
      // Also when onFrame throws: the error is the process's to report, the other frames still have to run.
      if (this.#timer === timer) this.#schedule(now());
    }
  }

  #note(latenessMs: number): void {
    const late = Math.max(0, latenessMs);
    this.#frameCount++;
    this.#maxLatenessMs = Math.max(this.#maxLatenessMs, late);
    const bucket = Math.min(longestCountedMs, Math.ceil(late));
    this.#lateness[bucket] = (this.#lateness[bucket] ?? 0) + 1;
  }

  #quantile(share: number): number {
    let left = this.#frameCount * share;
    for (const [ms, count] of this.#lateness.entries()) {
      left -= count;
      if (left <= 0) return this.#frameCount === 0 ? 0 : ms;
    }
    return longestCountedMs;
  }
}
