import type { ApiProblem } from "./errors.ts";

/** How the stand-in behaves until told otherwise. All can be changed while it runs. */
export interface Settings {
  /** How many times faster than real time audio is delivered. */
  paceFactor: number;
  /** From a response's creation to its first audio, if synthesis is ready by then. */
  firstAudioMs: number;
  /** Least and most audio in one delta. */
  chunkMs: [number, number];
  /** When the words of what a person said are told: this long after the commit, or after the answer is complete. */
  transcription: { afterMs: number } | "after_response";
  /** How long a session lives. The service gives 60 minutes. */
  sessionSeconds: number;
  /** From a wish for a response (the client's, or the end of a turn) to `response.created`. */
  responseCreatedAfterMs: number;
  /** Of `conversation.item.done` and `response.output_item.done` for a spoken item: which is first (the service's order is not known for sure). */
  itemDoneFirst: boolean;
  /** Between two deltas of a tool call's arguments, each of at most 16 characters. */
  argumentDeltaMs: number;
  /** `error` events name the client event that they answer. The service has been seen not to. */
  errorsNameEvents: boolean;
  /** Every transcription is told twice. */
  duplicateTranscriptions: boolean;
  /** Events of a type that no client knows are sent between the others. */
  unknownEvents: boolean;
  /** Text-like deltas carry the service's undocumented `obfuscation` field. */
  obfuscation: boolean;
  /** Tokens per minute that `rate_limits.updated` counts down from. */
  tokensPerMinute: number;
  /** Names of models that this key may not use. */
  missingModels: readonly string[];
  /** The account has no money left: no session is let in. */
  isOutOfMoney: boolean;
}

export const defaultSettings = (): Settings => ({
  paceFactor: 6,
  firstAudioMs: 30,
  chunkMs: [50, 200],
  transcription: { afterMs: 60 },
  sessionSeconds: 3_600,
  responseCreatedAfterMs: 0,
  itemDoneFirst: true,
  argumentDeltaMs: 0,
  errorsNameEvents: true,
  duplicateTranscriptions: false,
  unknownEvents: false,
  obfuscation: true,
  tokensPerMinute: 800_000,
  missingModels: [],
  isOutOfMoney: false,
});

/** What goes wrong once, with the next response. */
export interface ResponseFault {
  /** It ends as failed, with this much audio already sent. */
  serverErrorAfterMs?: number;
  createdAfterMs?: number;
  /** So many audio deltas come although the response was cancelled and is done. */
  lateDeltas?: number;
}

/** The next client event of this type is answered with an error, and nothing else happens. */
export interface Refusal {
  type: string;
  error: Partial<ApiProblem> & { code: string };
}

const maxPlannedFaults = 1_000;

/** Faults that wait for their moment, oldest first, bounded. One set for all sessions. */
export class FaultPlan {
  readonly #responses: ResponseFault[] = [];
  readonly #refusals: Refusal[] = [];

  nextResponse(fault: ResponseFault): void {
    if (this.#responses.length < maxPlannedFaults) this.#responses.push(fault);
  }

  refuseNext(refusal: Refusal): void {
    if (this.#refusals.length < maxPlannedFaults) this.#refusals.push(refusal);
  }

  takeForResponse(): ResponseFault {
    return this.#responses.shift() ?? {};
  }

  takeRefusal(eventType: string): Refusal | undefined {
    const at = this.#refusals.findIndex((refusal) => refusal.type === eventType);
    return at < 0 ? undefined : this.#refusals.splice(at, 1)[0];
  }

  clear(): void {
    this.#responses.length = 0;
    this.#refusals.length = 0;
  }
}
