import { type Deferred, deferred, withDeadline } from "../deadline.ts";
import { messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import { isBlockedIn } from "./admission.ts";
import type { CallEvent, CallState } from "./call-events.ts";
import { CallNews, isNews } from "./call-news.ts";
import { CallWatch } from "./call-watch.ts";
import type { Coordinator } from "./coordinator.ts";
import { Hold } from "./hold.ts";
import type { Moment } from "./session-roll.ts";
import type { SfuEventPayload } from "./sfu-events.ts";
import type { StreamTimeouts } from "./timeouts.ts";

export interface CallEventFeedOptions {
  coordinator: Coordinator;
  call: { type: string; id: string };
  timeouts: StreamTimeouts;
  logger: Logger;
  emit: (event: CallEvent) => void;
  /** The coordinator said that our stay in the call is over, and the SFU has kept silent since. At most once. */
  onOver: (over: NonNullable<CallNews["over"]>) => void;
}

/** Events kept for the first listener. */
const maxHeld = 256;

const now = (): Moment => ({ ms: performance.now(), iso: new Date().toISOString() });

/** The call's events while we are in it: listens to the coordinator, is told what the SFU says, keeps the times. */
export class CallEventFeed {
  readonly #options: CallEventFeedOptions;
  readonly #news: CallNews;
  readonly #watch: CallWatch;
  #unheard: Hold<CallEvent> | undefined = new Hold(maxHeld);
  /** Somebody waits for the coordinator's last words. */
  #lastTold: Deferred<void> | undefined;
  #opening: NodeJS.Immediate | undefined;
  #dueTimer: NodeJS.Timeout | undefined;
  #overTimer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: CallEventFeedOptions) {
    this.#options = options;
    const { coordinator, call, timeouts, logger } = options;
    this.#news = new CallNews({ call, userId: coordinator.userId, waitMs: timeouts.eventWaitMs });
    this.#watch = new CallWatch({
      coordinator,
      timeouts,
      logger,
      onWatched: (state) => {
        this.#tell(this.#news.coordinatorHeard(true));
        if (state) this.callIs(state);
      },
      // What happens until the next connection is not told again: the SFU's word stands in, see CallNews.
      onLost: () => this.#tell(this.#news.coordinatorHeard(false)),
      onEvent: (event) => this.#tell(this.#news.coordinatorTold(event, now())),
    });
  }

  /** Resolves when the coordinator's events arrive, or when it is clear that they will not for now. Never rejects. */
  get watching(): Promise<void> {
    return this.#watch.watching;
  }

  /** Begins, beside the join and behind it: what it sends goes out first, and its wait for the answer is our time. Idempotent. */
  open(): void {
    if (!this.#isClosed) this.#opening ??= setImmediate(() => this.#watch.open());
  }

  /**
   * Whether our user, whom the SFU sent away, is kept out from now on: the SFU's word is the same for both. At most
   * `leaveStepMs`; never throws: where it cannot be told, the user was only kicked.
   */
  async isBlocked(): Promise<boolean> {
    if (this.#news.over?.cause === "blocked") return true;
    const { coordinator, timeouts, logger } = this.#options;
    const looking = coordinator.call().then((call) => isBlockedIn(call, coordinator.userId));
    return await withDeadline(looking, timeouts.leaveStepMs, "looking at the call").catch((error: unknown) => {
      logger.info("leave_step_failed", { step: "looking at the call", error: messageOf(error) });
      return false;
    });
  }

  /** Somebody listens from now on, and gets what was kept for them. Idempotent. */
  listen(): void {
    const events = this.#unheard?.take() ?? [];
    this.#unheard = undefined;
    for (const event of events) this.#options.emit(event);
  }

  /** A session of ours. */
  own(sessionId: string): void {
    this.#news.own(sessionId);
  }

  /** The call, as an answer of the coordinator had it. */
  callIs(call: CallState): void {
    this.#tell(this.#news.callIs(call, now()));
  }

  sfuTold(event: SfuEventPayload): void {
    if (isNews(event)) this.#tell(this.#news.sfuTold(event, now()));
  }

  /** The SFU says that the call is over: waits for the coordinator's words about it, at most `lastEventsMs`. Never throws. */
  async lastEvents(): Promise<void> {
    if (!this.#news.isOwed) return;
    this.#lastTold = deferred();
    // The coordinator may be slow or gone; what it did not say is said by `close`.
    await withDeadline(this.#lastTold.promise, this.#options.timeouts.lastEventsMs, "last events").catch(
      () => undefined,
    );
  }

  /** Tells what nobody will say any more, and closes. Idempotent; never throws; takes at most `leaveStepMs`. */
  async close(): Promise<void> {
    if (!this.#isClosed) this.#tell(this.#news.farewell(now()));
    this.#isClosed = true;
    clearImmediate(this.#opening);
    clearTimeout(this.#dueTimer);
    clearTimeout(this.#overTimer);
    await this.#watch.close();
  }

  #tell(events: readonly CallEvent[]): void {
    if (this.#isClosed) return;
    for (const event of events) this.#deliver(event);
    const { over, isOwed, dueMs } = this.#news;
    if (!isOwed) this.#lastTold?.resolve();
    if (over) this.#overTimer ??= setTimeout(() => this.#tellOver(), this.#options.timeouts.endGraceMs);
    clearTimeout(this.#dueTimer);
    if (dueMs === undefined) return;
    this.#dueTimer = setTimeout(
      () => this.#tell(this.#news.due(performance.now())),
      Math.max(0, Math.ceil(dueMs - performance.now())),
    );
  }

  #tellOver(): void {
    const { over } = this.#news;
    if (over) this.#options.onOver(over);
  }

  #deliver(event: CallEvent): void {
    this.#options.logger.debug("call_event", { type: event.type });
    if (this.#unheard) this.#unheard.push(event);
    else this.#options.emit(event);
  }
}
