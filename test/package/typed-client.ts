// What a user of the HTTP API may write in strict TypeScript. The project compiles it against its sources; the test, which puts
// the package's names in place of the two paths, against the installed package.
import type { AgentStateEvent, CallRecord, OutgoingEvent } from "../../bridge-task/in-call/events.ts";
import {
  type AgentsApiError,
  type AgentView,
  createAgentsClient,
  type JoinRequest,
  parseAgentsEvent,
  verifyAgentsSignature,
} from "../../functions/api/client.ts";

const agents = createAgentsClient({ url: process.env.AGENTS_URL, key: process.env.AGENTS_KEY });
const call = { type: "default", id: "42" };

export const join = async (): Promise<AgentView["state"]> => {
  const request: JoinRequest = {
    user: { id: "lucy", name: "Lucy" },
    session: { instructions: "You are Lucy.", voice: "marin", audio: { input: { turn_detection: null } } },
    tools: ["end_call", { name: "find_order", url: "https://example.com/find-order", timeout: "10 seconds" }],
    idleTimeout: "30 seconds",
    events: { url: "https://example.com/events" },
  };
  await agents.join(call, { agent: "lucy", data: { customer: 7 } });
  const { outcome, agent } = await agents.join(call, request);
  const first: "launched" | "present" = outcome;
  return first === "launched" ? "launching" : agent.state;
};

export const change = async (): Promise<string[]> => {
  const answer = await agents.update(call, "lucy", { session: { instructions: "Be brief." } });
  await agents.say(call, "lucy", "The caller is a guest.", { respond: false });
  return "pending" in answer ? [] : answer.notApplied.map(({ field }) => field);
};

export const reasonOf = async (): Promise<CallRecord["reason"] | undefined> =>
  (await agents.record(call, "lucy"))?.reason;

export const receive = async (request: Request): Promise<Response> => {
  const body = await request.text();
  const signature = request.headers.get("x-agents-signature");
  const isSigned: boolean = await verifyAgentsSignature({ body, signature, key: "key" });
  const event: OutgoingEvent = parseAgentsEvent(body);
  if (event.type === "agent.left") return Response.json({ isSigned, reason: event.reason, record: event.record });
  return Response.json(event.type === "turn" ? event.text : event.at);
};

export const shown = ({ state, reason }: AgentStateEvent): string => (state === "left" ? `left: ${reason}` : state);

export const fieldsOf = (error: AgentsApiError): string[] => error.fields.map(({ field, mend }) => `${field} ${mend}`);

// @ts-expect-error an agent without a definition needs a user
export const nobody = (): Promise<unknown> => agents.join(call, { greeting: "Hello." });
// @ts-expect-error there is no such field
export const unknownField = (): Promise<unknown> => agents.join(call, { user: { id: "lucy" }, instructions: "Hello." });
// @ts-expect-error a duration has a unit
export const noUnit = (): Promise<unknown> => agents.join(call, { user: { id: "lucy" }, waitFor: "30" });
