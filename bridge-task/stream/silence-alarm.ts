/** Rings once when nothing was heard for `limitMs`; what is heard begins the time anew. */
export class SilenceAlarm {
  readonly #timer: NodeJS.Timeout;
  #heardCount = 0;
  #isOver = false;

  constructor(limitMs: number, onSilent: () => void) {
    this.#timer = setTimeout(() => {
      // After a stall of this process frames may lie unread: timers run before sockets are read, immediates after.
      const heardCount = this.#heardCount;
      setImmediate(() => {
        if (this.#isOver) return;
        if (heardCount !== this.#heardCount) {
          this.#timer.refresh();
          return;
        }
        this.#isOver = true;
        onSilent();
      });
    }, limitMs);
  }

  heard(): void {
    this.#heardCount += 1;
    if (!this.#isOver) this.#timer.refresh();
  }

  /** Idempotent. */
  stop(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
  }
}
