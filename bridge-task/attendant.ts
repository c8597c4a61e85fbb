import { type AttendanceCommand, type AttendanceEvent, type AttendanceLimits, attend, joined } from "./attendance.ts";
import { withDeadline } from "./deadline.ts";
import type { Logger } from "./log.ts";

/** Why an agent leaves a call that nobody is in. */
export type EmptyReason = Exclude<Extract<AttendanceCommand, { type: "end" }>["reason"], "max_duration">;

export interface AttendantOptions {
  limits: AttendanceLimits;
  /** Since when the agent is there, or waits; performance.now()'s clock. */
  sinceMs: number;
  /** Asked before the agent leaves an empty call; false: it stays, and is asked again later. Where it fails, the agent leaves. */
  mayLeave?: ((reason: EmptyReason) => Promise<boolean>) | undefined;
  onGreet?: (audibleFromMs: number) => void;
  onEnd: (reason: EmptyReason | "max_duration") => void;
  logger: Logger;
}

/** Longest wait for the answer of `mayLeave`. */
const askTimeoutMs = 3_000;

/** The clock of the rule book in attendance.ts: wakes it, asks before an empty call is left, and says when to greet or to go. */
export class Attendant {
  readonly #options: AttendantOptions;
  #state;
  #timer: NodeJS.Timeout | undefined;
  #isAsking = false;
  #isClosed = false;

  constructor(options: AttendantOptions) {
    this.#options = options;
    this.#state = joined(options.sinceMs);
  }

  tell(event: AttendanceEvent, nowMs = performance.now()): void {
    if (this.#isClosed) return;
    const { state, commands, wakeAtMs } = attend(this.#state, event, nowMs, this.#options.limits);
    this.#state = state;
    clearTimeout(this.#timer);
    const end = commands.find((command) => command.type === "end");
    // Whether to go is settled first: an answer that keeps the agent there winds the clock again.
    if (end) void this.#end(end.reason);
    else this.#timer = setTimeout(() => this.tell({ type: "time" }), Math.max(1, wakeAtMs - performance.now()));
    for (const command of commands) if (command.type === "greet") this.#options.onGreet?.(command.audibleFromMs);
  }

  /** Nothing is said from here on. Idempotent. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  async #end(reason: EmptyReason | "max_duration"): Promise<void> {
    const { mayLeave, onEnd } = this.#options;
    if (reason !== "max_duration" && mayLeave !== undefined) {
      if (this.#isAsking) return;
      this.#isAsking = true;
      const isAllowed = await this.#ask(mayLeave, reason);
      this.#isAsking = false;
      if (this.#isClosed) return;
      if (!isAllowed) return this.tell({ type: "knock" });
    }
    this.close();
    onEnd(reason);
  }

  async #ask(mayLeave: (reason: EmptyReason) => Promise<boolean>, reason: EmptyReason): Promise<boolean> {
    try {
      return await withDeadline(mayLeave(reason), askTimeoutMs, "asking whether to leave");
    } catch (error) {
      this.#options.logger.warn("asking_to_leave_failed", { error });
      return true;
    }
  }
}
