import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../../bridge-task/errors.ts";
import { CoordinatorError } from "../../bridge-task/stream/errors.ts";
import type { StreamTimeouts } from "../../bridge-task/stream/timeouts.ts";
import { CallFacts, type StreamEvent } from "./call-facts.ts";
import { type CallSeen, Calls, pageSize } from "./calls.ts";
import { EventsSocket } from "./events-socket.ts";
import { pauseAfterAnswer, pauseAfterFailure } from "./pace.ts";
import type { Json, StreamApi } from "./stream-api.ts";

/** What somebody who follows along wants to know of the watching itself. */
export type WatchNews =
  | { kind: "connected" }
  | { kind: "disconnected"; error: string }
  | { kind: "search_failed"; error: string; pauseMs: number }
  | { kind: "search_works_again" }
  /** The socket will not carry this call's events: it is looked at now and then instead. */
  | { kind: "not_watched"; cid: string; error?: string };

export interface LiveEventsOptions {
  api: StreamApi;
  /** Whose socket the events come over. */
  userId: string;
  /** Nothing older is told. Unix epoch in milliseconds, by Stream's clock. */
  sinceMs: number;
  /** Types that are passed on. */
  eventTypes: readonly string[];
  onEvent: (event: StreamEvent) => void;
  onNews: (news: WatchNews) => void;
  timeouts?: StreamTimeouts;
  /** Between two looks for new calls; 2,000 unless told. */
  usualPauseMs?: number;
}

/** Calls become visible a little after they were created. */
const overlapMs = 60_000;
/** Calls that go on are looked for each so many times that new ones are: it is the net under the socket. */
const ongoingEvery = 3;
/** Answers that may leave a call out before it counts as one that cannot be watched. */
const patience = 3;
/** After a connection was lost, so many of the latest calls are watched again. */
const maxRewatched = 100;

const pagesOf = (cids: readonly string[]): string[][] =>
  Array.from({ length: Math.ceil(cids.length / pageSize) }, (_, index) =>
    cids.slice(index * pageSize, (index + 1) * pageSize),
  );

const cidOf = ({ call }: CallSeen): string => String(call.cid ?? "");

/** The connection that is open. */
interface Connection {
  id: string;
  /** Calls that it need not be asked for: it carries them, or will not. */
  settled: Set<string>;
  /** How often an answer left a call out. */
  missing: Map<string, number>;
}

/**
 * The events of all of the app's calls, without a webhook. New calls are found by asking REST every two seconds, those that go
 * on every six; the coordinator's socket then brings what happens in them. What REST shows and no event told, because it was
 * before the call was watched or while the socket was lost, is told as an event of ours (see CallFacts).
 */
export class LiveEvents {
  readonly #options: LiveEventsOptions;
  readonly #facts: CallFacts;
  readonly #calls: Calls;
  readonly #closing = new AbortController();
  readonly #socket: EventsSocket;
  readonly #searching: Promise<void>;
  #connection: Connection | undefined;
  #sinceMs: number;
  #round = 0;
  /** Ends the pause between two searches. */
  #hurry: () => void = () => undefined;

  constructor(options: LiveEventsOptions) {
    this.#options = options;
    this.#sinceMs = options.sinceMs;
    this.#facts = new CallFacts({ sinceMs: options.sinceMs });
    this.#calls = new Calls(options.api, this.#closing.signal);
    const { api, userId, onNews, timeouts } = options;
    this.#socket = new EventsSocket({
      api,
      userId,
      ...(timeouts ? { timeouts } : {}),
      onOpen: (id) => {
        this.#connection = { id, settled: new Set(), missing: new Map() };
        onNews({ kind: "connected" });
        this.#hurry();
      },
      onLost: (error) => {
        this.#connection = undefined;
        onNews({ kind: "disconnected", error });
      },
      onMessage: (message) => this.#heard(message),
    });
    this.#searching = this.#search();
  }

  /** Idempotent; never throws. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all([this.#socket.close(), this.#searching]);
  }

  #heard(message: Json): void {
    const { type, call_cid } = message;
    if (typeof type !== "string" || typeof call_cid !== "string") return;
    const event: StreamEvent = { ...message, type, call_cid };
    if (this.#options.eventTypes.includes(type) && this.#facts.heard(event)) this.#tell([event]);
  }

  #tell(events: readonly StreamEvent[]): void {
    for (const event of events) {
      if (this.#options.eventTypes.includes(event.type)) this.#options.onEvent(event);
    }
  }

  async #search(): Promise<void> {
    const { signal } = this.#closing;
    for (let failureCount = 0; !signal.aborted; ) {
      let pauseMs: number;
      try {
        const rateLimit = await this.#look();
        if (failureCount > 0) this.#options.onNews({ kind: "search_works_again" });
        failureCount = 0;
        pauseMs = pauseAfterAnswer(rateLimit, Date.now(), this.#options.usualPauseMs);
      } catch (error) {
        if (signal.aborted) return;
        failureCount += 1;
        pauseMs = pauseAfterFailure(error, failureCount, Date.now());
        if (failureCount === 1) this.#options.onNews({ kind: "search_failed", error: messageOf(error), pauseMs });
      }
      // A new connection needs its calls at once, unless Stream wants us to wait.
      const hurry = new AbortController();
      this.#hurry = failureCount > 0 ? () => undefined : () => hurry.abort();
      await sleep(pauseMs, undefined, { signal: AbortSignal.any([signal, hurry.signal]) }).catch(() => undefined);
    }
  }

  /** One round. Throws what a request throws; the next round makes up for what this one left out. */
  async #look() {
    const isForAll = this.#round % ongoingEvery === 0;
    this.#round += 1;
    await this.#watchAgain();
    const { calls, rateLimit } = await this.#calls.createdSince(this.#sinceMs);
    if (!isForAll) {
      await this.#take(calls);
      return rateLimit;
    }
    const ongoing = await this.#calls.ongoing();
    const known = new Set(calls.map(cidOf));
    await this.#take([...calls, ...ongoing.calls.filter((one) => !known.has(cidOf(one)))]);
    return ongoing.rateLimit ?? rateLimit;
  }

  /** What the connection does not carry yet of the calls that we knew before it. */
  async #watchAgain(): Promise<void> {
    const { settled } = this.#connection ?? {};
    if (!settled) return;
    const cids = this.#facts.openCalls().filter((cid) => !settled.has(cid));
    for (const page of pagesOf(cids.slice(-maxRewatched))) await this.#watch(page);
  }

  /** Watches those that are not watched yet, then tells what is to be told of all. */
  async #take(calls: readonly CallSeen[]): Promise<void> {
    const { settled } = this.#connection ?? {};
    const isOpen = ({ call }: CallSeen) => typeof call.ended_at !== "string";
    const unwatched = settled ? calls.filter((one) => isOpen(one) && !settled.has(cidOf(one))) : [];
    try {
      for (const page of pagesOf(unwatched.map(cidOf))) await this.#watch(page);
    } finally {
      // Watched or not, the call is there. Behind the watching, whose answer is the later one.
      for (const one of calls) this.#tell(this.#facts.seen(one));
      this.#advance(calls);
    }
  }

  async #watch(cids: readonly string[]): Promise<void> {
    const connection = this.#connection;
    if (!connection) return;
    const { id } = connection;
    // A refusal is as good as an answer that has none of them: it must not keep new calls from being found.
    let refusal: string | undefined;
    const { calls } = await this.#calls.watch(cids, { id, userId: this.#options.userId }).catch((error: unknown) => {
      if (!(error instanceof CoordinatorError) || error.retryable) throw error;
      refusal = error.message;
      return { calls: [] };
    });
    const carried = new Set(calls.map(cidOf));
    for (const cid of carried) connection.settled.add(cid);
    for (const cid of cids) if (!carried.has(cid)) this.#leftOut(cid, connection, refusal);
    for (const one of calls) this.#tell(this.#facts.seen(one));
  }

  /** It may be too new to be found, or not be for this user to see. */
  #leftOut(cid: string, { settled, missing }: Connection, refusal: string | undefined): void {
    const count = (missing.get(cid) ?? 0) + 1;
    missing.set(cid, count);
    if (count < patience) return;
    missing.delete(cid);
    settled.add(cid);
    this.#options.onNews({ kind: "not_watched", cid, ...(refusal === undefined ? {} : { error: refusal }) });
  }

  /** Answers stay small: only the latest are asked for again. */
  #advance(calls: readonly CallSeen[]): void {
    const created = calls.map(({ call }) => Date.parse(String(call.created_at))).filter(Number.isFinite);
    this.#sinceMs = Math.max(this.#sinceMs, ...created.map((ms) => ms - overlapMs));
  }
}
