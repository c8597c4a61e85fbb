import { type LeaveReason, type Mail, orderFor, type Pair } from "../../functions/dispatch/protocol.ts";
import { type Deferred, deferred, withDeadline } from "../deadline.ts";
import type { Logger } from "../log.ts";
import type { Acknowledgement, Claim } from "./claim.ts";

/** What a letter is answered with; undefined where there is nothing to say. */
export type LetterReader = (mail: Mail) => Promise<unknown>;

export interface MailboxOptions {
  claim: Pick<Claim, "read" | "beat" | "knockCount" | "sessionId" | "launchId" | "isLeaving">;
  /** The agent is to leave. May be told again. */
  onOrder: (reason: LeaveReason | "replaced") => void;
  logger: Logger;
  /** Between two looks. Default: 1,000. */
  intervalMs?: number;
  /** Between two signs of life. Default: 5,000. */
  beatIntervalMs?: number;
  /** Longest wait for the reader of a letter. Default: 10,000. */
  readTimeoutMs?: number;
}

/** Between two looks at a table that does not answer, at most. */
const maxBackOffMs = 10_000;

/**
 * Reads the pair every second for as long as the agent is there: orders, knocks, letters; and writes signs of life. A table
 * that does not answer ends no call: it is asked again, later each time.
 */
export class Mailbox {
  readonly #options: Required<MailboxOptions>;
  #reader: LetterReader | undefined;
  #onKnock: (() => void) | undefined;
  /** Letters that were given to the reader and are not acknowledged yet. */
  #taken = new Set<string>();
  #acknowledged: Acknowledgement[] = [];
  #reading: Promise<void> = Promise.resolve();
  #toldSessionId: string | undefined;
  #beatAtMs = performance.now();
  #failureCount = 0;
  #pause: { timer: NodeJS.Timeout; over: Deferred<void> } | undefined;
  #isShut = false;
  #isStopped = false;
  #running: Promise<void> | undefined;

  constructor(options: MailboxOptions) {
    this.#options = { intervalMs: 1_000, beatIntervalMs: 5_000, readTimeoutMs: 10_000, ...options };
  }

  /** Begins to look, the first time after one interval. Idempotent. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Who is told from now on that somebody comes, or just came. */
  onKnock(listener: () => void): void {
    this.#onKnock = listener;
  }

  /** From now on letters are read, one after the other; those that came before as well. */
  open(reader: LetterReader): void {
    this.#reader = reader;
  }

  /**
   * The agent leaves: the letters that it has not read are for the next one, or for nobody. Resolves when those that it has read
   * are acknowledged, or when that failed. Idempotent.
   */
  async shut(): Promise<void> {
    this.#isShut = true;
    if (this.#isStopped || this.#acknowledged.length === 0) return;
    await this.#beat().catch((error: unknown) => this.#options.logger.warn("acknowledging_failed", { error }));
  }

  /** Nothing is told from here on. Resolves when nothing is on its way any more. Idempotent. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#wake();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { intervalMs, logger } = this.#options;
    while (!this.#isStopped) {
      const backOffMs =
        this.#failureCount === 0 ? intervalMs : Math.min(maxBackOffMs, intervalMs * 2 ** this.#failureCount);
      await this.#sleep(backOffMs);
      if (this.#isStopped) return;
      try {
        await this.#look();
        this.#failureCount = 0;
      } catch (error) {
        this.#failureCount += 1;
        logger.warn("mailbox_unreachable", { error, failureCount: this.#failureCount });
      }
    }
  }

  async #look(): Promise<void> {
    const { claim, onOrder } = this.#options;
    const { knockCount } = claim;
    const pair = this.#isBeatDue() ? await this.#beat() : await claim.read();
    if (this.#isStopped) return;
    const order = orderFor(pair, claim.launchId, claim.sessionId);
    if (order !== undefined && !claim.isLeaving) onOrder(order);
    if (claim.knockCount > knockCount) this.#onKnock?.();
    if (pair !== undefined && order !== "replaced") this.#take(pair);
  }

  #isBeatDue(): boolean {
    const { claim, beatIntervalMs } = this.#options;
    const isNews = this.#acknowledged.length > 0 || claim.sessionId !== this.#toldSessionId;
    return isNews || performance.now() - this.#beatAtMs >= beatIntervalMs;
  }

  async #beat(): Promise<Pair | undefined> {
    const { claim } = this.#options;
    const { sessionId } = claim;
    const told = this.#acknowledged;
    const pair = await claim.beat(told);
    this.#beatAtMs = performance.now();
    this.#toldSessionId = sessionId;
    this.#acknowledged = this.#acknowledged.filter((acknowledgement) => !told.includes(acknowledgement));
    return pair;
  }

  #take({ mail }: Pair): void {
    if (this.#reader === undefined || this.#isShut) return;
    // What is not in the box any more was acknowledged.
    const inBox = new Set(mail.map(({ id }) => id));
    this.#taken = new Set([...this.#taken].filter((id) => inBox.has(id)));
    for (const letter of mail) {
      if (this.#taken.has(letter.id)) continue;
      this.#taken.add(letter.id);
      this.#reading = this.#reading.then(() => this.#readLetter(letter));
    }
  }

  async #readLetter(letter: Mail): Promise<void> {
    const { readTimeoutMs, logger } = this.#options;
    if (this.#isStopped || this.#isShut || this.#reader === undefined) return;
    let answer: unknown;
    try {
      answer = await withDeadline(this.#reader(letter), readTimeoutMs, "reading a letter");
    } catch (error) {
      // Read it was: again it would fail again, or be said twice.
      logger.warn("letter_failed", { kind: letter.kind, error });
    }
    this.#acknowledged = [...this.#acknowledged, { id: letter.id, ...(answer === undefined ? {} : { answer }) }];
    if (this.#failureCount === 0) this.#wake();
  }

  #sleep(ms: number): Promise<void> {
    const over = deferred();
    this.#pause = { timer: setTimeout(over.resolve, ms), over };
    return over.promise;
  }

  #wake(): void {
    clearTimeout(this.#pause?.timer);
    this.#pause?.over.resolve();
  }
}
