// A webhook as applications have it, in a route of their web framework: verify, look the meeting and its agent up, act.
// Where it called connectOpenAi() there is one fetch now.
import { StreamClient } from "@stream-io/node-sdk";
import { database } from "./database.ts";

const { STREAM_API_KEY = "", STREAM_API_SECRET = "", AGENTS_URL, AGENTS_KEY } = process.env;
const streamClient = new StreamClient(STREAM_API_KEY, STREAM_API_SECRET);

export const POST = async (request: Request): Promise<Response> => {
  const body = await request.text();
  const signature = request.headers.get("x-signature");
  if (!signature || !streamClient.verifyWebhook(body, signature)) {
    return Response.json({ error: "Invalid signature" }, { status: 401 });
  }
  const event = JSON.parse(body);
  if (event.type !== "call.session_started") return Response.json({ status: "ok" });

  const meeting = database.meetings.get(event.call.id);
  const agent = meeting && database.agents.get(meeting.agentId);
  if (!meeting || !agent) return Response.json({ error: "Meeting not found" }, { status: 404 });
  database.meetings.set(meeting.id, { ...meeting, status: "active" });

  const answer = await fetch(`${AGENTS_URL}/calls/${event.call.type}/${event.call.id}/agents`, {
    method: "POST",
    headers: { authorization: `Bearer ${AGENTS_KEY}`, "content-type": "application/json" },
    body: JSON.stringify({
      user: { id: agent.id, name: agent.name },
      session: { instructions: agent.instructions },
      greeting: "Greet the caller in one sentence.",
    }),
  });
  return Response.json(await answer.json(), { status: answer.ok ? 200 : 502 });
};
