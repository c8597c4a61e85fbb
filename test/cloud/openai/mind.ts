import type { StoredItem } from "./items.ts";
import type { JsonObject } from "./json.ts";

/** What makes sound for the mind: speech of a text, and named test signals. 24 kHz mono. */
export interface Voicebox {
  /** `voice` is the session's, by its OpenAI name or custom id. */
  speech(text: string, voice: string): Promise<Int16Array>;
  signal(name: string, durationMs?: number): Int16Array;
}

/** When a rule holds. Every condition that is stated must; none stated: always. */
export interface When {
  /** A regular expression (case ignored) on what the person said or typed last. */
  heard?: string;
  /** The how-manieth turn of a person this is, from 1. */
  turn?: number;
  /** What comes last in the conversation: a person's words, a tool's output, or neither. Without it: not after a tool. */
  after?: "user" | "tool" | "nothing";
  /** A regular expression (case ignored) on the instructions in force. */
  instructions?: string;
}

/** `{heard}`, `{output}` and `{quoted}` in a text stand for the person's words, the latest tool outputs, and what the instructions quote. */
export interface Reply {
  text?: string;
  /** How the text sounds: spoken (default) or a named test signal with the text as its transcript. */
  speech?: "flite" | { signal: string; durationMs?: number };
  /** Called in this order, after what is said. */
  toolCalls?: { name: string; arguments: JsonObject | string; callId?: string }[];
  /** Before the first output, in addition to the pace settings. */
  delayMs?: number;
}

export interface Rule {
  when?: When;
  reply: Reply;
  /** How often it may be used; then the rules below it get their turn. */
  times?: number;
}

/** What a response is asked in view of. */
export interface Moment {
  heard: string;
  turn: number;
  after: "user" | "tool" | "nothing";
  outputs: string[];
  instructions: string;
}

const wordsOf = (stored: StoredItem): string =>
  stored.item.type === "message" ? stored.item.content.map((part) => part.text ?? part.transcript ?? "").join(" ") : "";

const isFromUser = ({ item }: StoredItem): boolean => item.type === "message" && item.role === "user";

/** Reads the moment off the items that a response is given. `heardIn` knows what was said in an item whose transcript is not told yet. */
export const momentOf = (
  items: readonly StoredItem[],
  instructions: string,
  heardIn: (itemId: string) => string | undefined,
): Moment => {
  const fromUser = items.filter(isFromUser);
  const lastWords = fromUser.at(-1);
  const last = items.at(-1);
  const firstOutput = items.findLastIndex(({ item }) => item.type !== "function_call_output") + 1;
  const outputs = items.slice(firstOutput).map(({ item }) => (item.type === "function_call_output" ? item.output : ""));
  const after = last === undefined ? "nothing" : outputs.length > 0 ? "tool" : isFromUser(last) ? "user" : "nothing";
  const heard = lastWords ? (heardIn(lastWords.item.id) ?? wordsOf(lastWords)) : "";
  return { heard, turn: fromUser.length, after, outputs, instructions };
};

const holds = (when: When, moment: Moment): boolean =>
  (when.heard === undefined || new RegExp(when.heard, "i").test(moment.heard)) &&
  (when.turn === undefined || when.turn === moment.turn) &&
  (when.after === undefined ? moment.after !== "tool" : when.after === moment.after) &&
  (when.instructions === undefined || new RegExp(when.instructions, "i").test(moment.instructions));

const fill = (text: string, moment: Moment): string =>
  text
    .replaceAll("{heard}", moment.heard)
    .replaceAll("{output}", moment.outputs.join(", "))
    .replaceAll("{quoted}", /"(?:[^"\\]|\\.)*"/.exec(moment.instructions)?.[0].slice(1, -1) ?? "");

const maxRules = 1_000;
const maxHeard = 1_000;

/** A scripted mind: the first rule that holds answers; the demo's own rules come after all others and hold always. */
export class Mind {
  readonly #fallback: readonly Rule[];
  #rules: { rule: Rule; used: number }[] = [];
  #heard: { text: string; sessionId?: string }[] = [];

  constructor(fallback: readonly Rule[]) {
    this.#fallback = fallback;
  }

  get rules(): Rule[] {
    return this.#rules.map(({ rule }) => rule);
  }

  /** Puts rules before those that are there. Throws on a pattern that is no regular expression, or too many rules. */
  add(rules: readonly Rule[]): void {
    for (const { when } of rules) for (const pattern of [when?.heard, when?.instructions]) new RegExp(pattern ?? "");
    if (this.#rules.length + rules.length > maxRules)
      throw new RangeError(`No more than ${maxRules} rules; clear them first.`);
    this.#rules = [...rules.map((rule) => ({ rule, used: 0 })), ...this.#rules];
  }

  clear(): void {
    this.#rules = [];
    this.#heard = [];
  }

  /** Nobody listens to the audio here: this is what the next utterance (of that session, or of any) will have said. */
  willHear(text: string, sessionId?: string): void {
    if (this.#heard.length >= maxHeard) throw new RangeError(`No more than ${maxHeard} utterances wait; speak first.`);
    this.#heard.push(sessionId === undefined ? { text } : { text, sessionId });
  }

  /** What the utterance that just ended said; empty if nobody told. */
  hear(sessionId: string): string {
    const at = this.#heard.findIndex((heard) => heard.sessionId === undefined || heard.sessionId === sessionId);
    return at < 0 ? "" : (this.#heard.splice(at, 1)[0]?.text ?? "");
  }

  decide(moment: Moment): Reply {
    const own = this.#rules.find(
      ({ rule, used }) => used < (rule.times ?? Number.POSITIVE_INFINITY) && holds(rule.when ?? {}, moment),
    );
    if (own) own.used += 1;
    const reply = own?.rule.reply ?? this.#fallback.find(({ when }) => holds(when ?? {}, moment))?.reply ?? {};
    return reply.text === undefined ? reply : { ...reply, text: fill(reply.text, moment) };
  }
}
