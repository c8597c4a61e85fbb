import type { Bridge } from "../bridge.ts";
import { type Deferred, deferred } from "../deadline.ts";
import type { End } from "../departure.ts";
import type { EndReason } from "../job.ts";

/** The way out, wherever the task stands: who asks first says why. */
export class Door {
  readonly #stop = new AbortController();
  readonly #leaving: Deferred<End> = deferred<End>();
  #bridge: Pick<Bridge, "end"> | undefined;
  #end: End | undefined;

  /** Aborted when the task is to leave: whatever is being waited for is given up. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Why the task was told to leave; undefined while it was not. */
  get end(): End | undefined {
    return this.#end;
  }

  /** Resolves when the task begins to leave. */
  get leaving(): Promise<End> {
    return this.#leaving.promise;
  }

  /** Tells the task to leave. Idempotent. */
  leave(reason: EndReason, detail: string): void {
    if (this.#end) return;
    this.#end = { reason, detail };
    this.#stop.abort(detail);
    this.#leaving.resolve(this.#end);
    void this.#bridge?.end(reason, detail);
  }

  /** The agent is in the call: from here on leaving goes through it, and its own leaving is the task's. */
  attach(bridge: Pick<Bridge, "end" | "leaving">): void {
    this.#bridge = bridge;
    if (this.#end) void bridge.end(this.#end.reason, this.#end.detail);
    void bridge.leaving.then(({ reason, detail }) => this.leave(reason, detail));
  }
}
