import { deferred } from "../../deadline.ts";
import type { NotApplied } from "./outcome.ts";

/** What becomes of one update, however often what is left of it is sent again. Settings are named by their paths. */
export class UpdateFate {
  /** Settings that are not in force. Resolves once, when nothing of the update is on its way any more. Never rejects. */
  readonly known: Promise<readonly NotApplied[]>;
  readonly #resolve: (lost: readonly NotApplied[]) => void;
  readonly #lost: NotApplied[] = [];
  /** What is on its way, with its settings. */
  readonly #open = new Map<object, readonly string[]>();

  constructor() {
    const { promise, resolve } = deferred<readonly NotApplied[]>();
    this.known = promise;
    this.#resolve = resolve;
  }

  sent(part: object, paths: readonly string[]): void {
    this.#open.set(part, paths);
  }

  lose(paths: readonly string[], reason: string): void {
    for (const field of paths) this.#lost.push({ field, reason });
  }

  /** This part is answered; what is left of it was sent before. */
  answered(part: object): void {
    this.#open.delete(part);
    if (this.#open.size === 0) this.#resolve(this.#lost);
  }

  /** Nobody waits any longer for what is still on its way. */
  giveUp(reason: string): void {
    for (const paths of this.#open.values()) this.lose(paths, reason);
    this.#open.clear();
    this.#resolve(this.#lost);
  }
}
