/** What one scripted session consists of. */
export interface Plan {
  turns: number;
  /** Every how-manieth turn the model calls a tool before it answers. */
  toolEvery: number;
  /** How long each of the model's answers is; they come in deltas of 100 ms. */
  answerMs: number;
  /**
   * How many frames of 20 ms a person speaks per turn: the script follows them. 0: nobody speaks, the script begins with
   * the first frame and runs as fast as the client takes it.
   */
  framesPerTurn: number;
  /** Between two audio deltas; 0: all at once. */
  deltaIntervalMs: number;
}

export const deltaMs = 100;

export const frameMs = 20;

export const toolTurnsOf = ({ turns, toolEvery }: Plan): number => Math.floor(turns / toolEvery);

/** A turn with a tool takes two responses. */
export const responsesOf = (plan: Plan): number => plan.turns + toolTurnsOf(plan);

/** What a client's process is told, as JSON in its first argument. */
export interface Assignment {
  client: ClientName;
  /** `https://127.0.0.1:PORT/v1`. */
  baseUrl: string;
  /** One session each, in this order. */
  plans: readonly Plan[];
}

export type ClientName = "ours" | "peer";

/** What a client's process found in one session. */
export interface SessionResult {
  /** From the first frame sent to the end of the last response. */
  wallMs: number;
  /** User and system time of the whole process between the same two moments. */
  cpuMs: number;
  /** How much of the model's speech the application was given. */
  heardMs: number;
  toolCalls: number;
}
