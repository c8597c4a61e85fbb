/** A user of the Stream app, as far as events and agents tell. */
export interface StreamUser {
  id: string;
  custom: Record<string, unknown>;
}

/** The call an event speaks of: what `joins` decides on. */
export interface CallFacts {
  type: string;
  id: string;
  /** `type:id`. */
  cid: string;
  /** What the application stored with the call. */
  custom: Record<string, unknown>;
  createdBy: StreamUser | undefined;
}

/**
 * Whether an agent wants this call. It is bundled into the webhook, so its file imports nothing but types; it must be
 * quick and must not throw: a throw answers 500 and Stream delivers the event again.
 */
export type Joins = (call: CallFacts) => boolean;

/** What the model is told at the start. Further keys of a realtime session may follow; these two are what every agent states. */
export interface AgentSession {
  instructions: string;
  /** A voice of the model, e.g. "marin". The model's default when absent. */
  voice?: string;
}

/**
 * An agent as code: who it is in the call and how it talks.
 * `custom.agent: true` on its user is what tells agents from people, everywhere in this project.
 */
export interface Agent {
  user: { id: string; name: string; image?: string; custom: { agent: true } & Record<string, unknown> };
  session: AgentSession;
  /** An instruction for the first thing it says, e.g. "Greet the caller in one sentence". It waits to be spoken to when absent. */
  greeting?: string;
}
