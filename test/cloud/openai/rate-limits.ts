import type { JsonObject } from "./json.ts";
import type { Settings } from "./settings.ts";

const windowMs = 60_000;

/** What is left of the minute's tokens, counted from what responses really used. */
export class RateLimits {
  readonly #settings: Settings;
  #spent: { atMs: number; tokens: number }[] = [];

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  spend(tokens: number): void {
    const now = performance.now();
    this.#spent = [...this.#spent.filter(({ atMs }) => atMs > now - windowMs), { atMs: now, tokens }];
  }

  view(): JsonObject[] {
    const limit = this.#settings.tokensPerMinute;
    const used = this.#spent.reduce((sum, { tokens }) => sum + tokens, 0);
    const remaining = Math.max(0, limit - used);
    return [{ name: "tokens", limit, remaining, reset_seconds: ((limit - remaining) / limit) * 60 }];
  }
}
