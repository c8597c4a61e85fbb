import type { EndReason } from "../job.ts";
import { adviceOn } from "./advice.ts";
import type { CallRecord } from "./call-record.ts";
import { cut } from "./cut.ts";
import { emptyTally, type RecordEvent, type Tally, tallied } from "./tally.ts";

/** What is known of a stay before it begins. */
export type Stay = Pick<CallRecord<EndReason>, "call" | "agent" | "launchId" | "startedAt">;

/** An error may quote a whole answer. */
const maxDetailLength = 2_000;

/** Keeps one stay's record. */
export class RecordKeeper {
  readonly #stay: Stay;
  #tally: Tally = emptyTally;
  #record: CallRecord<EndReason> | undefined;

  constructor(stay: Stay) {
    this.#stay = stay;
  }

  get joinedAt(): string | undefined {
    return this.#tally.joinedAt;
  }

  /** User ids of the people who are there. */
  get presentIds(): ReadonlySet<string> {
    return new Set(this.#tally.sessions.values());
  }

  /** What happens after the end changes nothing. */
  add(event: RecordEvent): void {
    this.#tally = tallied(this.#tally, event);
  }

  /** The record as of its end; what was given first stays. `endedAt`: ISO 8601. */
  end(
    { reason, detail }: Pick<CallRecord<EndReason>, "reason"> & { detail?: string | undefined },
    endedAt: string,
  ): CallRecord<EndReason> {
    if (this.#record !== undefined) return this.#record;
    const { joinedAt, sessions: _, ...counted } = this.#tally;
    const advice = adviceOn(reason);
    this.#record = {
      ...this.#stay,
      ...(joinedAt === undefined ? {} : { joinedAt }),
      endedAt,
      durationSeconds: joinedAt === undefined ? 0 : secondsBetween(joinedAt, endedAt),
      reason,
      ...(detail ? { detail: cut(detail, maxDetailLength) } : {}),
      ...(advice === undefined ? {} : { advice }),
      ...counted,
    };
    return this.#record;
  }
}

/** To a tenth of a second; never negative, though the machine's clock may be set back. */
const secondsBetween = (from: string, to: string): number =>
  Math.max(0, Math.round((Date.parse(to) - Date.parse(from)) / 100) / 10);
