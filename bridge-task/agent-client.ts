import type { RealtimeClient } from "./realtime/client.ts";
import type { CallEventMap } from "./stream/call-events.ts";

/** An agent's session whose `on` also takes what happens in its call. */
export type AgentClient = RealtimeClient<CallEventMap>;
