/** One HTTP request of this process, without its content but for what is judged. */
export interface Exchange {
  atMs: number;
  method: string;
  /** Without host and query. */
  path: string;
  /** 0: it did not get through. */
  status: number;
  /** Content type of the request. */
  contentType: string;
  authorization: "Bearer" | "bare" | "none";
  /** Claims of a JSON web token in `authorization`; times and ids of requests left out. */
  claims?: Record<string, unknown>;
  request?: Record<string, unknown>;
  response?: Record<string, unknown>;
}

/** One message on a WebSocket of this process. */
export interface Frame {
  atMs: number;
  service: "sfu" | "coordinator" | "openai";
  /** Which socket, counted from 1 in the order of opening. */
  socket: number;
  /** Whose socket; known of the SFU's. */
  user?: string;
  direction: "in" | "out";
  type: string;
  /** Sound, tokens and texts that people wrote are left out. */
  event: Record<string, unknown>;
}

/** Answer to one question that was put to the model server. */
export interface ProbeAnswer {
  /** Type of the server event that came back; "none" if nothing did in time. */
  type: string;
  code?: string | null;
  param?: string | null;
  message?: string;
  /** The error carried the `event_id` of what it answers. */
  namesEvent?: boolean;
}

/** Seen by the walk itself, beside the wire. What is missing was not got to. */
export interface Noted {
  names?: { call: string; app: string; agent: string; caller: string; guest: string };
  appHeard?: boolean;
  userAfterPatch?: { name?: string | undefined; custom: Record<string, unknown> };
  userAfterSocket?: { name?: string | undefined; custom: Record<string, unknown> } | undefined;
  /** Capabilities of the guest before anything, after the voice was taken and after it was given back. */
  capabilities?: { revoked: string[]; granted: string[] };
  foreignToken?: { status: number };
  /** `isAllowed`: the answer says that this user may join backstage. */
  backstageJoin?: { status: number; isAllowed?: boolean };
  nobodysEvent?: { status: number };
  /** From the SFU's word to the caller that the agent's voice is there, to its first packet. */
  voiceAfterMs?: number;
  packets?: { agentHeard: number; callerHeard: number };
  /** Whether sound came to a participant who asked for none. */
  unaskedPackets?: number;
  customEventReceived?: boolean;
  guestOut?: { cause: string };
  agentOut?: { reason: string };
  greetingHeard?: boolean;
  answerHeard?: boolean;
  toolCalled?: boolean;
  answerAfterTool?: boolean;
  bargeIn?: { silentAfterMs: number };
  probes: Record<string, ProbeAnswer>;
  /** How opening a session with a wrong key, or for a model that there is none of, ended. */
  refusals: Record<string, { opened: true } | { opened: false; reason: string; code: string }>;
  /** Headers of the handshake that speak of limits. */
  limitHeaders?: string[];
}

export interface StepResult {
  name: string;
  status: "done" | "failed" | "skipped";
  tookMs: number;
  detail?: string;
}

/** All that a run has seen: what the judging functions are given. */
export interface Observations {
  exchanges: Exchange[];
  frames: Frame[];
  steps: StepResult[];
  noted: Noted;
}

export const nothingSeen = (): Observations => ({
  exchanges: [],
  frames: [],
  steps: [],
  noted: { probes: {}, refusals: {} },
});
