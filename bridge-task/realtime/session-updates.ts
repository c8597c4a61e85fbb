import type { RealtimeSessionCreateRequest, SessionUpdateEvent } from "openai/resources/realtime/realtime";
import { type Deferred, deferred } from "../deadline.ts";
import type { Logger } from "../log.ts";
import { withoutNewer, withoutRefused } from "./session-config.ts";

interface InFlight {
  eventId: string;
  session: RealtimeSessionCreateRequest;
  repairCount: number;
  overdue: NodeJS.Timeout;
}

export interface SessionUpdatesOptions {
  send: (event: SessionUpdateEvent) => void;
  /** Every update is answered: what was waiting for them may go on. */
  onSettled: () => void;
  logger: Logger;
  /** An update without an answer for so long no longer holds anything up. Default 5,000. */
  answerTimeoutMs?: number | undefined;
}

/** A refused update is sent again without what was refused, as often as this. */
const maxRepairs = 5;

/**
 * Session updates on their way. The server answers each in order, with `session.updated` (which names none) or with an error
 * (which does), and refuses an update whole for one bad setting: the rest is then sent again without it.
 */
export class SessionUpdates {
  readonly #options: SessionUpdatesOptions;
  #inFlight: InFlight[] = [];
  #waiting: Deferred<void> | undefined;
  #sentCount = 0;

  constructor(options: SessionUpdatesOptions) {
    this.#options = options;
  }

  get isSettled(): boolean {
    return this.#inFlight.length === 0;
  }

  /** Resolves when no update is unanswered. Never rejects. */
  settled(): Promise<void> {
    if (this.isSettled) return Promise.resolve();
    this.#waiting ??= deferred<void>();
    return this.#waiting.promise;
  }

  send(session: RealtimeSessionCreateRequest, repairCount = 0): void {
    this.#sentCount += 1;
    const eventId = `update_${this.#sentCount}`;
    const overdue = setTimeout(() => {
      this.#options.logger.warn("session_update_unanswered", { eventId });
      this.#remove(eventId);
    }, this.#options.answerTimeoutMs ?? 5_000);
    this.#inFlight.push({ eventId, session, repairCount, overdue });
    this.#options.send({ type: "session.update", event_id: eventId, session });
  }

  /** The server said `session.updated`. */
  acknowledge(): void {
    const [oldest] = this.#inFlight;
    if (oldest) this.#remove(oldest.eventId);
  }

  /** The server refused what was sent as `eventId`. Tells whether that was an update, and whether the rest of it was sent again. */
  refuse(eventId: string, param: string | undefined): "no_update" | "repaired" | "lost" {
    const index = this.#inFlight.findIndex((update) => update.eventId === eventId);
    const update = this.#inFlight[index];
    if (!update) return "no_update";
    const smaller = param === undefined ? undefined : withoutRefused(update.session, param);
    // What a later update sets must not be set back by the one that is sent again.
    const rest = this.#inFlight
      .slice(index + 1)
      .reduce((session, newer) => session && withoutNewer(session, newer.session), smaller);
    const isRepaired = rest !== undefined && update.repairCount < maxRepairs;
    if (isRepaired) this.send(rest, update.repairCount + 1);
    this.#remove(eventId);
    return isRepaired ? "repaired" : "lost";
  }

  /** Stops every timer; whoever waits goes on. */
  close(): void {
    for (const { overdue } of this.#inFlight) clearTimeout(overdue);
    this.#inFlight = [];
    this.#waiting?.resolve();
    this.#waiting = undefined;
  }

  #remove(eventId: string): void {
    clearTimeout(this.#inFlight.find((update) => update.eventId === eventId)?.overdue);
    this.#inFlight = this.#inFlight.filter((update) => update.eventId !== eventId);
    if (!this.isSettled) return;
    this.#waiting?.resolve();
    this.#waiting = undefined;
    this.#options.onSettled();
  }
}
