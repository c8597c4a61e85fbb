import type { AgentClient, AttachedClient } from "stream-agent-bridge";

/*
 * What the documentation's blocks take for granted, and what stands in the place of their "your-…" texts. Live bindings: a
 * test sets them before it imports a block.
 */

export interface Given {
  apiKey: string;
  apiSecret: string;
  callId: string;
  openAiApiKey: string;
  streamClient: AttachedClient;
  call: { type: string; id: string };
  realtimeClient: AgentClient;
  createTicketInSystem: (customerName: unknown, email: unknown, issue: unknown) => Promise<{ id: string }>;
}

export let apiKey: Given["apiKey"];
export let apiSecret: Given["apiSecret"];
export let callId: Given["callId"];
export let openAiApiKey: Given["openAiApiKey"];
export let streamClient: Given["streamClient"];
export let call: Given["call"];
export let realtimeClient: Given["realtimeClient"];
export let createTicketInSystem: Given["createTicketInSystem"];

export const give = (given: Partial<Given>): void => {
  ({ apiKey = apiKey, apiSecret = apiSecret, callId = callId, openAiApiKey = openAiApiKey } = given);
  ({ streamClient = streamClient, call = call, realtimeClient = realtimeClient } = given);
  ({ createTicketInSystem = createTicketInSystem } = given);
};
