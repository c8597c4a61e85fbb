import { setTimeout as sleep } from "node:timers/promises";
import type { StreamClient } from "@stream-io/node-sdk";
import { type Deferred, deferred, unlessAborted } from "../deadline.ts";
import { messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import { certainRefusal } from "./admission.ts";
import type { CallEvent } from "./call-events.ts";
import { CallWatch } from "./call-watch.ts";
import { Coordinator } from "./coordinator.ts";
import { isPerson, peopleIn } from "./people.ts";
import { defaultTimeouts, type StreamTimeouts } from "./timeouts.ts";
import type { StreamUser } from "./user.ts";

export interface WaitForPersonOptions {
  streamClient: StreamClient;
  call: { type: string; id: string };
  /** Who waits. Created if absent, as for a join. */
  user: StreamUser;
  logger: Logger;
  /** Gives the waiting up. */
  signal: AbortSignal;
  timeouts?: Partial<StreamTimeouts>;
  /** Other users who are agents although their user does not say so (`custom.agent`). */
  agentUserIds?: readonly string[];
  /** Whether somebody who accepts a ringing call ends the waiting before anybody has entered. Default: true. */
  countsAcceptance?: boolean;
}

/** Why the waiting is over: a person is in the call, somebody accepted its ring, or nobody will come any more. */
export type WaitOutcome = { cause: "person" | "accepted" } | { cause: "call_ended"; detail: string };

/**
 * Waits outside a call until a person is in it. It joins nothing and creates no call, so nobody sees it and no session begins
 * by it. Resolves at once where a person is there already. Rejects with AbortedError when given up; with CallRefusedError when
 * the call would not take the user in whoever comes (blocked, e2ee); with CoordinatorError when the user cannot be made.
 */
export const waitForPerson = async (options: WaitForPersonOptions): Promise<WaitOutcome> => {
  const { call, logger, signal } = options;
  const wait = new Wait({ ...options, logger: logger.with({ callCid: `${call.type}:${call.id}` }) });
  try {
    return await unlessAborted(wait.outcome(), signal, "waiting for a person");
  } finally {
    await wait.close();
  }
};

/** Listens to the call's events and, should they fail, looks at the call now and then. */
class Wait {
  readonly #coordinator: Coordinator;
  readonly #timeouts: StreamTimeouts;
  readonly #logger: Logger;
  readonly #agents: ReadonlySet<string>;
  readonly #countsAcceptance: boolean;
  readonly #watch: CallWatch;
  readonly #over: Deferred<WaitOutcome> = deferred<WaitOutcome>();
  readonly #closing = new AbortController();

  constructor({ streamClient, call, user, logger, timeouts, agentUserIds, countsAcceptance }: WaitForPersonOptions) {
    this.#timeouts = { ...defaultTimeouts, ...timeouts };
    this.#coordinator = new Coordinator({ streamClient, call, user, requestTimeoutMs: this.#timeouts.requestMs });
    this.#logger = logger;
    this.#agents = new Set([user.id, ...(agentUserIds ?? [])]);
    this.#countsAcceptance = countsAcceptance ?? true;
    // It may be settled when nobody waits for it any more.
    this.#over.promise.catch(() => undefined);
    this.#watch = new CallWatch({
      coordinator: this.#coordinator,
      timeouts: this.#timeouts,
      logger,
      onWatched: (state) => this.#see(state),
      onLost: () => undefined,
      onEvent: (event) => this.#hear(event),
    });
  }

  async outcome(): Promise<WaitOutcome> {
    await this.#coordinator.ensureUser();
    this.#logger.info("waiting_outside");
    void this.#keepLooking();
    const outcome = await this.#over.promise;
    this.#logger.info("waiting_outside_over", { cause: outcome.cause });
    return outcome;
  }

  /** Idempotent; never throws; takes at most `leaveStepMs`. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#watch.close();
  }

  /** Never throws. */
  async #keepLooking(): Promise<void> {
    const { signal } = this.#closing;
    let exists = false;
    while (!signal.aborted) {
      const call = await this.#look();
      if (signal.aborted) return;
      if (call === undefined && exists) this.#end("call.deleted");
      if (call) {
        exists = true;
        this.#see(call);
        // Only now: of a call that nobody has created nothing can be heard.
        this.#watch.open();
      }
      const pauseMs = exists ? this.#timeouts.lookMs : this.#timeouts.lookForCallMs;
      // The pause ends early when the waiting is over: nothing is left to be done then.
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** The call; undefined where nobody has created it, null where that could not be learned. */
  async #look(): Promise<unknown> {
    try {
      return await this.#coordinator.call(this.#closing.signal);
    } catch (error) {
      this.#logger.debug("call_not_seen", { error: messageOf(error) });
      return null;
    }
  }

  #see(call: unknown): void {
    const refusal = certainRefusal(call, this.#coordinator);
    const { isSomebodyThere, hasSomebodyAccepted } = peopleIn(call, this.#agents);
    if (refusal?.reason === "call_ended") this.#end("call.ended");
    else if (refusal) this.#over.reject(refusal);
    else if (isSomebodyThere) this.#over.resolve({ cause: "person" });
    else if (hasSomebodyAccepted && this.#countsAcceptance) this.#over.resolve({ cause: "accepted" });
  }

  #hear(event: CallEvent): void {
    if (event.type === "call.ended" || event.type === "call.deleted") this.#end(event.type);
    else if (event.type === "call.session_participant_joined") {
      if (isPerson(event.participant.user, this.#agents)) this.#over.resolve({ cause: "person" });
    } else if (event.type === "call.accepted" && this.#countsAcceptance && isPerson(event.user, this.#agents)) {
      this.#over.resolve({ cause: "accepted" });
    } else if (event.type === "call.blocked_user") {
      this.#see({ blocked_user_ids: [event.user.id] });
    } else if ("call" in event) this.#see(event.call);
  }

  #end(detail: "call.ended" | "call.deleted"): void {
    this.#over.resolve({ cause: "call_ended", detail });
  }
}
