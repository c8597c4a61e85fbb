import type { RealtimeSessionCreateRequest, SessionUpdateEvent } from "openai/resources/realtime/realtime";
import { type Deferred, deferred } from "../../deadline.ts";
import type { Logger } from "../../log.ts";
import { UpdateFate } from "./fate.ts";
import type { NotApplied } from "./outcome.ts";
import { repairOf, settingNames, withoutNewer } from "./repair.ts";

/** What became of one update that was sent again setting by setting. */
interface Split {
  openCount: number;
  isAnyAccepted: boolean;
}

interface InFlight {
  eventId: string;
  session: RealtimeSessionCreateRequest;
  repairCount: number;
  split: Split | undefined;
  fate: UpdateFate;
  overdue: NodeJS.Timeout;
  /** Without an answer for too long: it holds nothing up any more, but its answer may still come. */
  isOverdue: boolean;
}

export interface SessionUpdatesOptions {
  send: (event: SessionUpdateEvent) => void;
  /** Every update is answered: what was waiting for them may go on. */
  onSettled: () => void;
  logger: Logger;
  /** An update without an answer for so long no longer holds anything up. Default 5,000. */
  answerTimeoutMs?: number | undefined;
}

/**
 * What became of something that the server refused.
 * - `no_update`: it was no settings update.
 * - `repaired`: all but the setting that the server named was sent again.
 * - `split`: the server named none, so each setting was sent again by itself.
 * - `setting_lost`: one setting of a split update; the others stand, or are not answered yet.
 * - `lost`: nothing of the update is in force.
 */
export type Refusal = "no_update" | "repaired" | "split" | "setting_lost" | "lost";

const missingIn = (session: RealtimeSessionCreateRequest | undefined, names: readonly string[]): string[] => {
  const there = new Set(session === undefined ? [] : settingNames(session));
  return names.filter((name) => !there.has(name));
};

/** A refused update is sent again without what was refused, as often as this; then each setting by itself. */
const maxRepairs = 5;
/** Beyond so many updates without an answer, the oldest that is overdue is forgotten. */
const maxInFlight = 64;

/**
 * Session updates on their way. The server answers each in order, with `session.updated` (which names none) or with an error
 * (which does), and refuses an update whole for one bad setting: the rest is then sent again without it.
 */
export class SessionUpdates {
  readonly #options: SessionUpdatesOptions;
  #inFlight: InFlight[] = [];
  #waiting: Deferred<void> | undefined;
  #sentCount = 0;
  #isClosed = false;

  constructor(options: SessionUpdatesOptions) {
    this.#options = options;
  }

  get isSettled(): boolean {
    return this.#inFlight.every(({ isOverdue }) => isOverdue);
  }

  /** Resolves when no update is unanswered. Never rejects. */
  settled(): Promise<void> {
    if (this.isSettled) return Promise.resolve();
    this.#waiting ??= deferred<void>();
    return this.#waiting.promise;
  }

  /**
   * `eventId`: the application's own, under which it finds an error again. Resolves with the settings that are not in force, once
   * that is known, or when the answer is overdue. Never rejects.
   */
  send(session: RealtimeSessionCreateRequest, eventId?: string): Promise<readonly NotApplied[]> {
    const fate = new UpdateFate();
    this.#send(session, { repairCount: 0, split: undefined, fate, eventId });
    return fate.known;
  }

  /** The server said `session.updated`. */
  acknowledge(): void {
    const oldest = this.#oldest();
    if (oldest === undefined) return;
    if (oldest.split !== undefined) oldest.split.isAnyAccepted = true;
    this.#remove(oldest);
  }

  /**
   * The server refused what was sent as `eventId`; `param` is its name for what is wrong. Some servers name no event: then a
   * parameter of the session's tells that it is the oldest update. `reason`: its words.
   */
  refuse(eventId: string | undefined, param: string | undefined, reason = "The model server refused it."): Refusal {
    const isOldest = eventId === undefined && param?.startsWith("session.") === true;
    const update = isOldest ? this.#oldest() : this.#inFlight.find((other) => other.eventId === eventId);
    if (update === undefined) return "no_update";
    const newer = this.#inFlight.slice(this.#inFlight.indexOf(update) + 1);
    const refusal = this.#sendAgain(update, { param, reason }, newer);
    this.#remove(update);
    if (refusal !== "lost" || update.split === undefined) return refusal;
    return update.split.openCount === 0 && !update.split.isAnyAccepted ? "lost" : "setting_lost";
  }

  /** Stops every timer; whoever waits goes on; nothing is sent any more. */
  close(): void {
    this.#isClosed = true;
    for (const { overdue, fate } of this.#inFlight) {
      clearTimeout(overdue);
      fate.giveUp("The session ended before the model server answered.");
    }
    this.#inFlight = [];
    this.#waiting?.resolve();
    this.#waiting = undefined;
  }

  /** What is left of a refused update goes again, but for what a newer one sets: that must not be set back. */
  #sendAgain(
    { session, repairCount, split, fate }: InFlight,
    { param, reason }: { param: string | undefined; reason: string },
    newer: readonly InFlight[],
  ): "repaired" | "split" | "lost" {
    const left = (asked: RealtimeSessionCreateRequest) => {
      const rest = newer.reduce<RealtimeSessionCreateRequest | undefined>(
        (smaller, { session: later }) => smaller && withoutNewer(smaller, later),
        asked,
      );
      fate.lose(missingIn(rest, settingNames(asked)), "A newer update has set it.");
      return rest;
    };
    const repair = repairOf(session, repairCount >= maxRepairs ? undefined : param);
    if (repair.type === "lost") {
      fate.lose(settingNames(session), reason);
      return "lost";
    }
    if (repair.type === "rest") {
      const gone = missingIn(repair.session, settingNames(session));
      // A part of a setting, such as one tool of several: the rest of it may still come into force.
      fate.lose(gone.length > 0 ? gone : [param?.replace(/^session\./, "") ?? ""], reason);
      const rest = left(repair.session);
      if (rest !== undefined) this.#send(rest, { repairCount: repairCount + 1, split, fate });
      return "repaired";
    }
    const parts = { openCount: 0, isAnyAccepted: false };
    for (const part of repair.sessions.flatMap((one) => left(one) ?? []))
      this.#send(part, { repairCount: 0, split: parts, fate });
    return "split";
  }

  #send(
    session: RealtimeSessionCreateRequest,
    { eventId, ...about }: Pick<InFlight, "repairCount" | "split" | "fate"> & { eventId?: string | undefined },
  ): void {
    const { split, fate } = about;
    if (this.#isClosed) {
      fate.lose(settingNames(session), "The session has ended.");
      fate.giveUp("");
      return;
    }
    this.#sentCount += 1;
    const id = eventId ?? `update_${this.#sentCount}`;
    const overdue = setTimeout(() => {
      this.#options.logger.warn("session_update_unanswered", { eventId: id });
      update.isOverdue = true;
      fate.giveUp("The model server has not answered yet.");
      this.#settle();
    }, this.#options.answerTimeoutMs ?? 5_000);
    const update: InFlight = { ...about, eventId: id, session, overdue, isOverdue: false };
    fate.sent(update, settingNames(session));
    if (split !== undefined) split.openCount += 1;
    this.#inFlight.push(update);
    const forgotten = this.#inFlight.find((other) => other.isOverdue);
    if (this.#inFlight.length > maxInFlight && forgotten !== undefined) this.#remove(forgotten);
    this.#options.send({ type: "session.update", event_id: id, session });
  }

  /** The one that the next answer is for: rather not one that is overdue, which may never be answered. */
  #oldest(): InFlight | undefined {
    return this.#inFlight.find(({ isOverdue }) => !isOverdue) ?? this.#inFlight[0];
  }

  #remove(update: InFlight): void {
    clearTimeout(update.overdue);
    if (update.split !== undefined) update.split.openCount -= 1;
    this.#inFlight = this.#inFlight.filter((other) => other !== update);
    update.fate.answered(update);
    this.#settle();
  }

  #settle(): void {
    if (!this.isSettled) return;
    this.#waiting?.resolve();
    this.#waiting = undefined;
    this.#options.onSettled();
  }
}
