import { endOf } from "./ends.ts";
import { answerLimit, answersLimitBytes, mailLimit, mailLimitBytes } from "./limits.ts";
import { type Beat, changed, type Step, unchanged } from "./messages.ts";
import type { Mail, MailAnswer, Pair } from "./pair.ts";

const bytesOf = (value: unknown): number => new TextEncoder().encode(JSON.stringify(value)).length;

/** A letter for an agent that is there, or is coming. */
export const post = (pair: Pair | undefined, mail: Mail): Step => {
  if (pair === undefined || endOf(pair) !== undefined) return unchanged({ type: "not_there" });
  if ([...pair.mail, ...pair.answers].some(({ id }) => id === mail.id)) return unchanged({ type: "sent" });
  const letters = [...pair.mail, mail];
  const isFull = letters.length > mailLimit || bytesOf(letters) > mailLimitBytes;
  return isFull
    ? unchanged({ type: "refused", reason: "mailbox_full" })
    : changed({ ...pair, mail: letters }, { type: "sent" });
};

/** The latest answers, as many as are kept. */
const kept = (answers: MailAnswer[]): MailAnswer[] => {
  const latest = answers.slice(-answerLimit);
  while (bytesOf(latest) > answersLimitBytes) latest.shift();
  return latest;
};

/** The pair without the letters that were read, and with the answers to them. Said twice, it counts once. */
export const acknowledged = (pair: Pair, read: Beat["acknowledged"], nowMs: number): Pair => {
  if (read.length === 0) return pair;
  const unread = new Set(pair.mail.map(({ id }) => id));
  const answers = read
    .filter(({ id, answer }) => answer !== undefined && unread.has(id))
    .map(({ id, answer }) => ({ id, answer, atMs: nowMs }));
  const readIds = new Set(read.map(({ id }) => id));
  return {
    ...pair,
    mail: pair.mail.filter(({ id }) => !readIds.has(id)),
    answers: kept([...pair.answers, ...answers]),
  };
};
