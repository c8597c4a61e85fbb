import type { Invitation } from "./invitation.ts";

/** What this page was told to join by its address: `?call=TYPE:ID`. */
export const callInAddress = (search: string): { type: string; id: string } | null => {
  const [type, id, ...rest] = (new URLSearchParams(search).get("call") ?? "").split(":");
  return type && id && rest.length === 0 ? { type, id } : null;
};

const post = async (path: string, body: unknown): Promise<Response> => {
  const response = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (response.ok) return response;
  const answer = (await response.json().catch(() => ({}))) as { error?: string };
  throw new Error(answer.error ?? `${path} answered ${response.status}`);
};

/** Has a call created on the server, from where Stream tells the webhook, and asks to join it. */
export const createCall = async (name: string): Promise<Invitation> =>
  (await post("/api/calls", { name })).json() as Promise<Invitation>;

/** Asks to join a call that exists. */
export const joinCall = async (call: { type: string; id: string }, name: string): Promise<Invitation> =>
  (
    await post(`/api/calls/${encodeURIComponent(call.type)}/${encodeURIComponent(call.id)}/people`, { name })
  ).json() as Promise<Invitation>;

/** A typed line as speech (WAV). The model's stand-in is told the words at the same time, as it cannot understand speech. */
export const speechOf = async (text: string, sessionId: string): Promise<ArrayBuffer> =>
  (await post("/api/lines", { text, sessionId })).arrayBuffer();
