import { setTimeout as sleep } from "node:timers/promises";
import type { CallAddress } from "../../../../functions/api/client.ts";
import { cidOf } from "../call-id.ts";
import { isOfCall, type LogLine, readableLine } from "../log-line.ts";
import { lineOf, readLog, sourcesOf } from "../log-reader.ts";
import type { Operator } from "../operator.ts";

export interface LogsOptions {
  follow: boolean;
  sinceMs: number;
}

const pollMs = 2_000;
/** CloudWatch takes lines in late and out of order, and our clock may be ahead: what is so young is asked for again. */
const overlapMs = 60_000;

/** Lines of the call that were not told before, oldest first. */
class CallLog {
  readonly #operator: Operator;
  readonly #cid: string;
  /** Ids of the lines of the overlap, and when they were written. */
  readonly #told = new Map<string, number>();
  readonly #missing = new Set<string>();

  constructor(operator: Operator, cid: string) {
    this.#operator = operator;
    this.#cid = cid;
  }

  async read(sinceMs: number): Promise<LogLine[]> {
    const { aws, deployment, signal } = this.#operator;
    const sources = sourcesOf(await deployment());
    const found = await Promise.all(
      sources.map(async ({ source, group }) => {
        const answer = await readLog(aws.logs, { group, term: this.#cid, sinceMs, signal });
        this.#note(group, answer);
        return answer.events
          .filter(({ eventId = "", message = "" }) => !this.#told.has(eventId) && isOfCall(message, this.#cid))
          .map((event) => {
            this.#told.set(event.eventId ?? "", event.timestamp ?? 0);
            return lineOf(source, event);
          });
      }),
    );
    for (const [id, atMs] of this.#told) if (atMs < sinceMs) this.#told.delete(id);
    return found.flat().toSorted((one, other) => one.atMs - other.atMs);
  }

  #note(group: string, { groupMissing, isPartial }: { groupMissing: boolean; isPartial: boolean }): void {
    const { terminal } = this.#operator;
    if (isPartial)
      terminal.err(`${group}: there is too much to search, some lines may be missing: use a shorter --since\n`);
    if (!groupMissing || this.#missing.has(group)) return;
    this.#missing.add(group);
    terminal.err(`${group}: there is no such log group (yet)\n`);
  }
}

const textOf = (line: LogLine, isJson: boolean): string => `${isJson ? line.text.trimEnd() : readableLine(line)}\n`;

/** What bridge and functions logged about a call; with `follow` on and on, until Ctrl-C. */
export const showLogs = async (operator: Operator, call: CallAddress, options: LogsOptions): Promise<void> => {
  const { terminal, isJson, now, signal } = operator;
  const log = new CallLog(operator, cidOf(call));
  let readAtMs = now();
  const startMs = Math.max(0, readAtMs - options.sinceMs);
  let count = 0;
  const tell = async (sinceMs: number) => {
    for (const line of await log.read(sinceMs)) {
      count += 1;
      terminal.out(textOf(line, isJson));
    }
  };
  try {
    await tell(startMs);
    if (!options.follow) {
      if (count === 0) terminal.err(`nothing was logged about ${cidOf(call)} in that time: try a longer --since\n`);
      return;
    }
    terminal.err("waiting for more lines; Ctrl-C ends\n");
    for (;;) {
      await sleep(pollMs, undefined, { signal });
      // From when the last read began: one that took long has not seen what was written meanwhile.
      const sinceMs = Math.max(startMs, readAtMs - overlapMs);
      readAtMs = now();
      await tell(sinceMs);
    }
  } catch (error) {
    if (signal.aborted) return; // Ctrl-C is how it ends.
    throw error;
  }
};
