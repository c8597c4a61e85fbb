import { RecentIds } from "../realtime/conversation/order.ts";
import type { AgentState } from "../realtime/turn/types.ts";
import { heardText } from "./heard-text.ts";
import type { SpokenEvent } from "./spoken-events.ts";

/** What somebody says, whole each time, as it grows. */
export interface Utterance {
  itemId: string;
  role: "agent" | "person";
  text: string;
  /** Nothing follows. */
  isFinal: boolean;
  /** The rest was not heard: a person spoke over it, or the agent left. `text` is what was heard, by estimate. */
  isInterrupted: boolean;
  /** Somebody heard some of the agent's, or the model took in the person's. */
  isHeard: boolean;
  /** User id of the person, as far as it can be told. */
  speaker: string | undefined;
  beganAtMs: number;
}

export interface UtterancesOptions {
  /** User id of the person who spoke in this time. */
  speakerOf: (fromMs: number, toMs: number) => string | undefined;
}

interface Growing extends Utterance {
  responseId?: string | undefined;
  /** Sound of it that the model has sent. */
  receivedMs: number;
  /** When the first of it came. */
  soundsFromMs?: number | undefined;
  /** The model adds nothing more. */
  isMade: boolean;
}

const maxGrowing = 64;
const rememberedIds = 256;
/** Where no voice activity detection tells when a person began. */
const assumedSpeechMs = 10_000;

/**
 * Makes of the model's events who said what, as people in the call heard it: an agent's words count once its voice is through
 * with them, and only as far as it came. The model writes its words ahead of its voice, so what is not final runs ahead of what
 * is heard. Times are of one clock, in ms. Holds at most 64 unfinished utterances, of which the oldest go first.
 */
export class Utterances {
  readonly #growing = new Map<string, Growing>();
  readonly #over = new RecentIds(rememberedIds);
  /** Responses that nobody hears. */
  readonly #outside = new RecentIds(rememberedIds);
  readonly #asides = new RecentIds(rememberedIds);
  readonly #speakerOf: UtterancesOptions["speakerOf"];
  #state: AgentState = "listening";

  constructor({ speakerOf }: UtterancesOptions) {
    this.#speakerOf = speakerOf;
  }

  /** What this event adds, at most one change per utterance. */
  apply(event: SpokenEvent, nowMs: number): Utterance[] {
    switch (event.type) {
      case "state":
        this.#state = event.state;
        return this.#spokenOut();
      case "outside_response":
        this.#outside.add(event.responseId);
        return [];
      case "aside":
        this.#asides.add(event.responseId);
        return [];
      case "words":
        return this.#words(event, nowMs);
      case "sound":
        this.#agents(event.itemId, event.responseId, nowMs, (growing) => {
          growing.receivedMs += event.ms;
          growing.soundsFromMs ??= nowMs;
        });
        return [];
      case "made":
        return this.#made(({ itemId }) => itemId === event.itemId);
      case "response_over":
        return this.#made(({ responseId }) => responseId === event.responseId);
      case "cut":
        return this.#cut(event.itemId, event.heardMs);
      case "speech_started":
        this.#persons(event.itemId, nowMs);
        return this.#cutAsides(nowMs);
      case "committed": {
        const growing = this.#persons(event.itemId, nowMs);
        if (growing === undefined || growing.isHeard) return [];
        const fromMs = growing.beganAtMs === nowMs ? nowMs - assumedSpeechMs : growing.beganAtMs;
        growing.isHeard = true;
        growing.speaker = this.#speakerOf(fromMs, nowMs);
        return [shown(growing)];
      }
      case "transcript":
        return this.#transcript(event, nowMs);
    }
  }

  /** The stay is over: the voice was cut where it was by now. */
  finish(nowMs: number): Utterance[] {
    return this.#breakOff(nowMs, () => true);
  }

  /** The server has no item of an aside that could be truncated: nothing but the person's speech tells that it is cut. */
  #cutAsides(nowMs: number): Utterance[] {
    if (this.#state !== "speaking") return [];
    return this.#breakOff(nowMs, ({ responseId }) => responseId !== undefined && this.#asides.has(responseId));
  }

  #breakOff(nowMs: number, isMeant: (growing: Growing) => boolean): Utterance[] {
    return [...this.#growing.values()].flatMap((growing) => {
      const { itemId, role, isMade, receivedMs, soundsFromMs = nowMs } = growing;
      if (role === "person" || !isMeant(growing)) return [];
      const heardMs = Math.min(receivedMs, nowMs - soundsFromMs);
      return isMade && heardMs === receivedMs ? this.#endWhole(itemId) : this.#cut(itemId, heardMs);
    });
  }

  #words(event: Extract<SpokenEvent, { type: "words" }>, nowMs: number): Utterance[] {
    const { itemId, responseId, text, isWhole } = event;
    return this.#agents(itemId, responseId, nowMs, (growing) => {
      growing.text = isWhole ? text : growing.text + text;
    });
  }

  #transcript(event: Extract<SpokenEvent, { type: "transcript" }>, nowMs: number): Utterance[] {
    const growing = this.#persons(event.itemId, nowMs);
    if (growing === undefined) return [];
    growing.text = event.isFinal ? (event.text ?? growing.text) : growing.text + (event.text ?? "");
    return event.isFinal ? [this.#end(growing)] : [shown(growing)];
  }

  #agents(
    itemId: string,
    responseId: string | undefined,
    nowMs: number,
    change: (growing: Growing) => void,
  ): Utterance[] {
    if (responseId !== undefined && this.#outside.has(responseId)) return [];
    const growing = this.#get(itemId, "agent", nowMs);
    if (growing === undefined || growing.role !== "agent") return [];
    growing.responseId ??= responseId;
    change(growing);
    return [shown(growing)];
  }

  #persons(itemId: string, nowMs: number): Growing | undefined {
    const growing = this.#get(itemId, "person", nowMs);
    return growing?.role === "person" ? growing : undefined;
  }

  #get(itemId: string, role: Utterance["role"], beganAtMs: number): Growing | undefined {
    if (this.#over.has(itemId)) return undefined;
    const known = this.#growing.get(itemId);
    if (known !== undefined) return known;
    const made: Growing = {
      itemId,
      role,
      text: "",
      isFinal: false,
      isInterrupted: false,
      isHeard: false,
      speaker: undefined,
      beganAtMs,
      receivedMs: 0,
      isMade: false,
    };
    this.#growing.set(itemId, made);
    const [oldest] = this.#growing.keys();
    if (this.#growing.size > maxGrowing && oldest !== undefined) this.#growing.delete(oldest);
    return made;
  }

  #made(isMeant: (growing: Growing) => boolean): Utterance[] {
    for (const growing of this.#growing.values()) if (isMeant(growing)) growing.isMade = true;
    return this.#spokenOut();
  }

  /** What the model has made whole is heard whole once the voice rests. */
  #spokenOut(): Utterance[] {
    if (this.#state === "speaking") return [];
    const out = [...this.#growing.values()].filter(({ role, isMade }) => role === "agent" && isMade);
    return out.flatMap(({ itemId }) => this.#endWhole(itemId));
  }

  /** What never had a sound was never heard, whatever words were written for it. */
  #endWhole(itemId: string): Utterance[] {
    const growing = this.#growing.get(itemId);
    if (growing === undefined) return [];
    const isHeard = growing.receivedMs > 0;
    return [this.#end({ ...growing, isHeard, text: isHeard ? growing.text : "" })];
  }

  #cut(itemId: string, heardMs: number): Utterance[] {
    const growing = this.#growing.get(itemId);
    if (growing?.role !== "agent") return [];
    const text = heardText(growing.text, heardMs, growing.receivedMs);
    return [this.#end({ ...growing, text, isInterrupted: true, isHeard: heardMs > 0 && growing.receivedMs > 0 })];
  }

  #end(growing: Growing): Utterance {
    this.#growing.delete(growing.itemId);
    this.#over.add(growing.itemId);
    return { ...shown(growing), isFinal: true };
  }
}

const shown = ({ responseId: _, receivedMs: __, soundsFromMs: ___, isMade: ____, ...utterance }: Growing): Utterance =>
  utterance;
