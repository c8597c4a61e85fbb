import type { OutgoingEvent } from "./events.ts";

/** Beyond it the oldest turn goes, else the oldest tool's end, else the oldest of all. */
export const maxQueued = 200;

const dispensable = ["turn", "tool.finished"] as const;

/** Whether an application that misses it is wrong about the agent, and not only about what was said. */
export const isEssential = ({ type }: OutgoingEvent): boolean => !dispensable.some((other) => other === type);

/** Events that wait to be delivered, in order. */
export class EventQueue {
  #waiting: OutgoingEvent[] = [];
  #droppedCount = 0;

  /** Events of this stay that will never be delivered. */
  get droppedCount(): number {
    return this.#droppedCount;
  }

  get length(): number {
    return this.#waiting.length;
  }

  push(event: OutgoingEvent): void {
    this.#waiting.push(event);
    if (this.#waiting.length <= maxQueued) return;
    const oldest = dispensable.map((type) => this.#waiting.findIndex((other) => other.type === type));
    this.#waiting.splice(oldest.find((at) => at >= 0) ?? 0, 1);
    this.#droppedCount += 1;
  }

  shift(): OutgoingEvent | undefined {
    return this.#waiting.shift();
  }

  /** This one will not be delivered. */
  gaveUp(): void {
    this.#droppedCount += 1;
  }

  /** Time is short: only that the agent came, failed or left is worth it. */
  keepEssential(): void {
    const kept = this.#waiting.filter(isEssential);
    this.#droppedCount += this.#waiting.length - kept.length;
    this.#waiting = kept;
  }
}
