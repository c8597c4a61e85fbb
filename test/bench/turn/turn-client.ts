/** What the benchmark needs of a client, and all that it knows of one. */
export interface TurnClient {
  /** 20 ms of what a person says, 24 kHz mono. */
  append(frame: Int16Array): void;
  /** Samples of the model's speech that the application was given so far. */
  readonly heardSamples: number;
  readonly toolCalls: number;
  close(): Promise<void>;
}

export interface TurnClientOptions {
  baseUrl: string;
  /** After each `response.done`, when the client has done with it. */
  onResponseDone: () => void;
}

/** Resolves when the session's settings are in force. */
export type ConnectTurnClient = (options: TurnClientOptions) => Promise<TurnClient>;

export const toolResult = { status: "on its way", carrier: "Snail", due: "Thursday" };
