import { setTimeout as sleep } from "node:timers/promises";
import type { CallsTable, Changed } from "../../functions/dispatch/calls-table.ts";
import type { Input, LeaveReason, Pair } from "../../functions/dispatch/protocol.ts";
import type { EmptyReason } from "../attendant.ts";
import { unlessAborted } from "../deadline.ts";
import type { End } from "../departure.ts";
import { BridgeError, TimeoutError } from "../errors.ts";
import type { Assignment, Job } from "../job.ts";
import type { Logger } from "../log.ts";
import { retrying } from "../stream/retry.ts";

export interface ClaimOptions {
  table: Pick<CallsTable, "change" | "pair" | "config" | "putRecord">;
  job: Job;
  logger: Logger;
  /** How long an earlier launch of the pair is waited for. Default: 60,000. */
  confirmTimeoutMs?: number;
  /** Between two looks at whether it is out. Default: 500. */
  confirmIntervalMs?: number;
}

/** The pair stays small. */
const maxDetailLength = 500;
/** Of the last words, to a table that does not answer; half a minute. Who waits for them sets the deadline. */
const lastWordAttempts = 10;

/** What came of confirming: the agent may join, or must not. */
export type Confirmed =
  | { pair: Pair }
  /** It was told to go before it came. */
  | { reason: LeaveReason; configId: string | undefined }
  | { reason: "replaced" };

/** An answer of the mailbox. */
export interface Acknowledgement {
  id: string;
  answer?: unknown;
}

/** The pair (call, agent) as the task of one launch sees it: every word between the two goes through here. */
export class Claim {
  readonly cid: string;
  /** The session that the agent is in, once it is known: told with the next beat, and with the end. */
  sessionId: string | undefined;
  readonly #options: ClaimOptions;
  #knockCount = 0;
  #isLeaving = false;

  constructor(options: ClaimOptions) {
    const { type, id } = options.job.call;
    this.cid = `${type}:${id}`;
    this.#options = options;
  }

  /** How often somebody came, or asked for the agent, as of the latest read. */
  get knockCount(): number {
    return this.#knockCount;
  }

  /** It has said that it leaves, or is saying so: from here on the pair is about the next stay. */
  get isLeaving(): boolean {
    return this.#isLeaving;
  }

  get launchId(): string {
    return this.#options.job.launchId;
  }

  /**
   * Makes the pair ours, before the call is joined; where an earlier launch is still in the call, once that is out. Rejects
   * with TimeoutError where it does not go, or where the table cannot be reached for so long; with AbortedError.
   */
  async confirm(taskArn: string, signal: AbortSignal): Promise<Confirmed> {
    const { logger, confirmTimeoutMs = 60_000, confirmIntervalMs = 500 } = this.#options;
    const giveUpAtMs = performance.now() + confirmTimeoutMs;
    for (;;) {
      let cause: unknown;
      try {
        const change = this.#change({ type: "confirm", launchId: this.launchId, taskArn });
        const { step, pair } = await unlessAborted(change, signal, "confirming the claim");
        const { answer } = step;
        if (answer.type === "confirmed" && pair !== undefined) return { pair: this.#read(pair) };
        if (answer.type === "leave") return { reason: answer.reason, configId: pair?.configId };
        if (answer.type !== "wait") return { reason: "replaced" };
        cause = new BridgeError("still_in_call", "An earlier task of this agent is still in the call.");
      } catch (error) {
        if (signal.aborted) throw error;
        // Whether it was stored is not known: it is said again.
        logger.warn("confirming_failed", { error });
        cause = error;
      }
      await unlessAborted(sleep(confirmIntervalMs), signal, "confirming the claim");
      if (performance.now() >= giveUpAtMs) throw new TimeoutError("confirming the claim", confirmTimeoutMs, { cause });
    }
  }

  /** What the agent is to be in this call. */
  assignment(configId: string): Promise<Assignment> {
    return this.#options.table.config(this.cid, configId);
  }

  /** The pair as it stands; undefined where it is gone. */
  async read(): Promise<Pair | undefined> {
    const pair = await this.#options.table.pair(this.cid, this.#userId);
    return pair && this.#read(pair);
  }

  /** Shows that the task lives, and answers letters. */
  async beat(acknowledged: readonly Acknowledgement[]): Promise<Pair | undefined> {
    const { launchId, sessionId } = this;
    const { pair } = await this.#change({ type: "beat", launchId, sessionId, acknowledged });
    return pair && this.#read(pair);
  }

  /**
   * Says that the agent is about to leave an empty call. False: somebody came meanwhile, and it stays. Where it rejects, what
   * was said is not known, and it counts as said.
   */
  async mayLeave(reason: EmptyReason): Promise<boolean> {
    this.#isLeaving = true;
    const { step, pair } = await this.#end({ reason, detail: "" }, false);
    if (pair !== undefined) this.#read(pair);
    this.#isLeaving = step.answer.type !== "look_again";
    return this.#isLeaving;
  }

  /** Says that the agent leaves: who asks for it from here on gets another launch, and is not told that it is there. */
  async leaving(end: End): Promise<void> {
    this.#isLeaving = true;
    await this.#end(end, false);
  }

  /** Says that the agent is out of the call, or never was in it; again and again, where the table does not take it. */
  async left(end: End): Promise<void> {
    await retrying(() => this.#end(end, true), { attempts: lastWordAttempts });
  }

  /** Keeps the record of the stay; as insistently. */
  putRecord(startedAt: string, record: object): Promise<void> {
    const { table } = this.#options;
    return retrying(() => table.putRecord(this.cid, this.#userId, startedAt, record), { attempts: lastWordAttempts });
  }

  get #userId(): string {
    return this.#options.job.agentUserId;
  }

  #change(input: Input): Promise<Changed> {
    return this.#options.table.change(this.cid, this.#userId, input);
  }

  #end({ reason, detail }: End, isOut: boolean): Promise<Changed> {
    const { launchId, sessionId, knockCount } = this;
    const said = detail === "" ? {} : { detail: detail.slice(0, maxDetailLength) };
    return this.#change({ type: "end", launchId, reason, ...said, sessionId, knockCount, isOut });
  }

  #read(pair: Pair): Pair {
    if (pair.launchId === this.launchId) this.#knockCount = pair.knockCount;
    return pair;
  }
}
