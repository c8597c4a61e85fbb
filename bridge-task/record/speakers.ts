interface Span {
  sessionId: string;
  userId: string;
  fromMs: number;
  /** Infinite while they speak. */
  toMs: number;
}

/** A turn is attributed within seconds of its end. */
const keptSpans = 64;

/**
 * Who spoke when, as the SFU tells it, session by session. The model hears one mix of all, so whose turn it was is an estimate:
 * theirs who spoke for longest during it. Times are milliseconds of one clock.
 */
export class Speakers {
  #spans: Span[] = [];

  speaking(sessionId: string, userId: string, isSpeaking: boolean, nowMs: number): void {
    const open = this.#spans.find((span) => span.sessionId === sessionId && span.toMs === Number.POSITIVE_INFINITY);
    if (!isSpeaking && open !== undefined) open.toMs = nowMs;
    if (isSpeaking && open === undefined) {
      const span = { sessionId, userId, fromMs: nowMs, toMs: Number.POSITIVE_INFINITY };
      this.#spans = [...this.#spans, span].slice(-keptSpans);
    }
  }

  /** Nobody says any more that this session is silent. */
  left(sessionId: string, nowMs: number): void {
    this.speaking(sessionId, "", false, nowMs);
  }

  /** Who of those present spoke for longest between these times; undefined where that is nobody, or not known. */
  longest(fromMs: number, toMs: number, presentIds: ReadonlySet<string>): string | undefined {
    if (presentIds.size === 1) return [...presentIds][0];
    const spokenMs = new Map<string, number>();
    for (const span of this.#spans) {
      if (!presentIds.has(span.userId)) continue;
      const ms = Math.min(span.toMs, toMs) - Math.max(span.fromMs, fromMs);
      if (ms > 0) spokenMs.set(span.userId, (spokenMs.get(span.userId) ?? 0) + ms);
    }
    return [...spokenMs].toSorted(([, one], [, other]) => other - one)[0]?.[0];
  }
}
