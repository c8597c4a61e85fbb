import { messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";

export interface AudioSource {
  userId: string;
  sessionId: string;
}

const keyOf = (sources: readonly AudioSource[]): string =>
  sources
    .map(({ sessionId }) => sessionId)
    .sort()
    .join("\n");

/**
 * Tells the SFU whose audio we want. Each request replaces the whole list, so one is in flight at a time and only the
 * newest list waits. A failure is logged and not fatal: Stream's SFU sends audio unasked as well, and the next wish is
 * sent even if it is the same.
 */
export class Subscriptions {
  readonly #send: (sources: readonly AudioSource[]) => Promise<unknown>;
  readonly #logger: Logger;
  /** What the SFU has; undefined after a failure, when we cannot know. */
  #sentKey: string | undefined = "";
  #next: readonly AudioSource[] | undefined;
  #isSending = false;

  constructor(send: (sources: readonly AudioSource[]) => Promise<unknown>, logger: Logger) {
    this.#send = send;
    this.#logger = logger;
  }

  want(sources: readonly AudioSource[]): void {
    this.#next = sources;
    if (!this.#isSending) void this.#drain();
  }

  async #drain(): Promise<void> {
    this.#isSending = true;
    while (this.#next) {
      const sources = this.#next;
      this.#next = undefined;
      const key = keyOf(sources);
      if (key === this.#sentKey) continue;
      this.#sentKey = key;
      try {
        await this.#send(sources);
      } catch (error) {
        this.#sentKey = undefined;
        this.#logger.warn("audio_subscription_failed", { error: messageOf(error), sourceCount: sources.length });
      }
    }
    this.#isSending = false;
  }
}
