export type Passage = "joined" | "left";

/** A point in time on two clocks. */
export interface Moment {
  /** On performance.now()'s clock: for deadlines. */
  ms: number;
  /** ISO 8601: for people. */
  iso: string;
}

/** What is to be told of a session. */
export interface Announcement<Word, Face> {
  passage: Passage;
  sessionId: string;
  /** The coordinator's own word; undefined where it did not come, and one has to be made from the rest. */
  word: Word | undefined;
  /** Who it is, as far as anybody said. */
  face: Face | undefined;
  /** When we were told first. */
  at: Moment;
}

/** `untold` → `waiting` for the coordinator's word since then → `told`. */
type Step = "untold" | "told" | Moment;

interface Visit<Face> {
  face: Face | undefined;
  joined: Step;
  left: Step;
}

/** Sessions that are here, those that went, and our own; of each the oldest are forgotten first. */
const maxVisits = 10_000;
const maxGone = 1_000;
const maxOwn = 100;

const isWaiting = (step: Step): step is Moment => typeof step === "object";

/**
 * Who came and who went, told once each, although two tell us: the coordinator, whose word is preferred, and the SFU, which
 * is never out of reach while we are in the call. The SFU's word waits so long for the coordinator's, and not at all
 * while the coordinator cannot be heard. Holds no clock.
 *
 * Of a session: at most one `joined`, then at most one `left`. Those who were here when we came have no `joined`; our own
 * sessions have neither. After a loss of the coordinator's socket its missed words are not repeated: what the SFU saw
 * meanwhile stands in for them.
 */
export class SessionRoll<Word, Face> {
  readonly #waitMs: number;
  readonly #own = new Set<string>();
  readonly #visits = new Map<string, Visit<Face>>();
  readonly #gone = new Set<string>();
  #isCoordinatorHeard = false;
  /** From the SFU's first list on; who comes before is there when we come. */
  #isOpen = false;

  constructor({ waitMs }: { waitMs: number }) {
    this.#waitMs = waitMs;
  }

  /** The earliest moment at which `due` has something to tell, on performance.now()'s clock. */
  get dueMs(): number | undefined {
    const waiting = [...this.#visits.values()].flatMap(({ joined, left }) => [joined, left].filter(isWaiting));
    return waiting.length === 0 ? undefined : Math.min(...waiting.map(({ ms }) => ms)) + this.#waitMs;
  }

  /** A session of ours, of which nothing is told. */
  own(sessionId: string): void {
    this.#own.add(sessionId);
    dropOldest(this.#own, maxOwn);
    this.#visits.delete(sessionId);
  }

  /** The SFU's list of those who are here. `isComplete`: who is not on it is not here (large calls are told in part). */
  present(faces: ReadonlyMap<string, Face>, isComplete: boolean, at: Moment): Announcement<Word, Face>[] {
    if (this.#isOpen) {
      const missing = isComplete ? [...this.#visits.keys()].filter((sessionId) => !faces.has(sessionId)) : [];
      return [
        ...missing.flatMap((sessionId) => this.sfuSaw("left", sessionId, undefined, at)),
        ...[...faces].flatMap(([sessionId, face]) => this.sfuSaw("joined", sessionId, face, at)),
      ];
    }
    this.#isOpen = true;
    for (const sessionId of this.#visits.keys()) if (!faces.has(sessionId)) this.#visits.delete(sessionId);
    for (const [sessionId, face] of faces) {
      if (!this.#own.has(sessionId)) this.#visit(sessionId, face).joined = "told";
    }
    return [];
  }

  sfuSaw(passage: Passage, sessionId: string, face: Face | undefined, at: Moment): Announcement<Word, Face>[] {
    if (this.#own.has(sessionId) || this.#gone.has(sessionId)) return [];
    const isKnown = this.#visits.has(sessionId);
    const visit = this.#visit(sessionId, face);
    if (passage === "left") {
      // Of somebody whom nobody announced (a large call's list is cut): they were here.
      if (!isKnown) visit.joined = "told";
      if (visit.left === "untold") visit.left = at;
    } else {
      // Somebody whose going was not told yet is back (their session moved to another SFU): they never went.
      visit.left = "untold";
      if (visit.joined === "untold") visit.joined = at;
    }
    return this.#isCoordinatorHeard ? [] : this.#giveUp(sessionId, visit);
  }

  coordinatorSaw(
    passage: Passage,
    sessionId: string,
    { word, face, at }: { word: Word; face: Face; at: Moment },
  ): Announcement<Word, Face>[] {
    if (this.#own.has(sessionId) || this.#gone.has(sessionId)) return [];
    const visit = this.#visit(sessionId, face);
    visit.face = face;
    if (!this.#isOpen) {
      visit.joined = "told";
      if (passage === "left") this.#visits.delete(sessionId);
      return [];
    }
    if (passage === "joined") {
      if (visit.joined === "told") return [];
      visit.joined = "told";
      return [{ passage, sessionId, word, face, at }];
    }
    const before = this.#tell("joined", sessionId, visit);
    this.#forget(sessionId);
    return [...before, { passage, sessionId, word, face, at }];
  }

  /** The coordinator can be heard from now on, or cannot: then nothing waits for it. */
  coordinatorHeard(isHeard: boolean): Announcement<Word, Face>[] {
    this.#isCoordinatorHeard = isHeard;
    return isHeard ? [] : this.due(Number.POSITIVE_INFINITY);
  }

  /** What has waited long enough. */
  due(nowMs: number): Announcement<Word, Face>[] {
    const isDue = (step: Step) => isWaiting(step) && step.ms + this.#waitMs <= nowMs;
    return [...this.#visits]
      .filter(([, { joined, left }]) => isDue(joined) || isDue(left))
      .flatMap(([sessionId, visit]) => this.#giveUp(sessionId, visit, isDue));
  }

  #giveUp(
    sessionId: string,
    visit: Visit<Face>,
    isDue: (step: Step) => boolean = isWaiting,
  ): Announcement<Word, Face>[] {
    const isGoing = isDue(visit.left);
    const came = isGoing || isDue(visit.joined) ? this.#tell("joined", sessionId, visit) : [];
    if (!isGoing) return came;
    const went = this.#tell("left", sessionId, visit);
    this.#forget(sessionId);
    return [...came, ...went];
  }

  #tell(passage: Passage, sessionId: string, visit: Visit<Face>): Announcement<Word, Face>[] {
    const at = visit[passage];
    if (!isWaiting(at)) return [];
    visit[passage] = "told";
    return [{ passage, sessionId, word: undefined, face: visit.face, at }];
  }

  #visit(sessionId: string, face: Face | undefined): Visit<Face> {
    const known = this.#visits.get(sessionId);
    if (known) {
      known.face ??= face;
      return known;
    }
    const visit: Visit<Face> = { face, joined: "untold", left: "untold" };
    this.#visits.set(sessionId, visit);
    dropOldest(this.#visits, maxVisits);
    return visit;
  }

  #forget(sessionId: string): void {
    this.#visits.delete(sessionId);
    this.#gone.add(sessionId);
    dropOldest(this.#gone, maxGone);
  }
}

const dropOldest = (kept: { size: number; keys(): Iterator<string>; delete(key: string): boolean }, max: number) => {
  const oldest = kept.size > max ? kept.keys().next() : undefined;
  if (oldest && !oldest.done) kept.delete(oldest.value);
};
