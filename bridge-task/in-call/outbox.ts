import type { AgentCaptionEvent, AgentEvent, AgentStateEvent, AgentToolEvent } from "./events.ts";

/** How often: at most so many within any second, and after one of the same subject not sooner than that. */
const limits: Record<AgentEvent["type"], { perSecond: number; spacingMs: number }> = {
  "agent.state": { perSecond: 5, spacingMs: 100 },
  "agent.caption": { perSecond: 4, spacingMs: 250 },
  "agent.tool": { perSecond: 5, spacingMs: 0 },
};

/** Captions and tools that wait. Beyond it the oldest caption that still grows goes, else the oldest. */
export const maxWaiting = 32;

export type Next = { event: AgentEvent } | { waitMs: number } | undefined;

/**
 * What people in the call are still to be told, at the rate at which it may be said. Of states and of each growing caption the
 * latest wins. Times are of one clock, in ms.
 */
export class Outbox {
  /** The latest of each kind, as many as may be sent in a second, and what they were about. */
  readonly #sent = new Map<AgentEvent["type"], { atMs: number; subject: string }[]>();
  #state: AgentStateEvent | undefined;
  /** The last that was sent, so that nobody is told what they know; undefined while somebody may not know it. */
  #known: AgentStateEvent | undefined;
  #waiting: (AgentCaptionEvent | AgentToolEvent)[] = [];
  #droppedCount = 0;

  get droppedCount(): number {
    return this.#droppedCount;
  }

  offer(event: AgentEvent): void {
    if (event.type === "agent.state") {
      const hasLeft = [this.#state, this.#known].some((last) => last?.state === "left");
      if (!hasLeft) this.#state = isSame(event, this.#known) ? undefined : event;
      return;
    }
    const at = event.type === "agent.caption" ? this.#waiting.findIndex((other) => isOfItem(other, event.itemId)) : -1;
    if (at >= 0) this.#waiting[at] = event;
    else this.#waiting.push(event);
    if (this.#waiting.length > maxWaiting) this.#drop();
  }

  /** Whoever came last does not know the state. */
  sayStateAgain(at: string): void {
    if (this.#known === undefined || this.#known.state === "left") return;
    this.#state ??= { ...this.#known, at };
    this.#known = undefined;
  }

  /** Takes out what may be sent now, or tells how long nothing may; undefined: there is nothing. */
  next(nowMs: number): Next {
    const candidates = [this.#state, ...this.#waiting].filter((event) => event !== undefined);
    const due = candidates.map((event) => ({ event, waitMs: this.#waitMs(event, nowMs) }));
    const ready = due.find(({ waitMs }) => waitMs <= 0)?.event;
    if (ready !== undefined) return { event: this.#take(ready, nowMs) };
    return due.length === 0 ? undefined : { waitMs: Math.min(...due.map(({ waitMs }) => waitMs)) };
  }

  /** That state did not arrive: it is said again, unless there is a newer one. */
  failed(event: AgentEvent): void {
    if (event.type !== "agent.state") {
      this.#droppedCount += 1;
      return;
    }
    this.#known = undefined;
    this.#state ??= event;
  }

  /** Nothing is said any more but what is final. */
  finish(): void {
    this.#waiting = this.#waiting.filter((event) => event.type !== "agent.caption" || event.final);
  }

  #waitMs(event: AgentEvent, nowMs: number): number {
    const { perSecond, spacingMs } = limits[event.type];
    const sent = this.#sent.get(event.type) ?? [];
    const first = sent.length < perSecond ? undefined : sent[0];
    const alike = sent.findLast(({ subject }) => subject === subjectOf(event));
    return Math.max(first ? first.atMs + 1_000 - nowMs : 0, alike ? alike.atMs + spacingMs - nowMs : 0);
  }

  #take(event: AgentEvent, nowMs: number): AgentEvent {
    const sent = [...(this.#sent.get(event.type) ?? []), { atMs: nowMs, subject: subjectOf(event) }];
    this.#sent.set(event.type, sent.slice(-limits[event.type].perSecond));
    if (event.type === "agent.state") {
      this.#state = undefined;
      this.#known = event;
    } else this.#waiting = this.#waiting.filter((other) => other !== event);
    return event;
  }

  #drop(): void {
    const growing = this.#waiting.findIndex((event) => event.type === "agent.caption" && !event.final);
    this.#waiting.splice(Math.max(0, growing), 1);
    this.#droppedCount += 1;
  }
}

/** A caption that begins need not wait for another one that grows. */
const subjectOf = (event: AgentEvent): string => (event.type === "agent.caption" ? event.itemId : event.type);

const isSame = (event: AgentStateEvent, other: AgentStateEvent | undefined): boolean =>
  event.state === other?.state && event.tool === other.tool;

const isOfItem = (event: AgentCaptionEvent | AgentToolEvent, itemId: string): boolean =>
  event.type === "agent.caption" && event.itemId === itemId;
