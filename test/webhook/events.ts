import { createHmac } from "node:crypto";
import { gzipSync } from "node:zlib";
import type { StreamEvent } from "../../functions/envelope.ts";

export const apiKey = "test-key";
export const apiSecret = "test-secret";

/** The time of every event here, unless told. */
export const eventAtMs = Date.parse("2026-01-02T03:04:05.678Z");

type Json = Record<string, unknown>;

export const user = (id: string, custom: Json = {}): Json => ({ id, role: "user", custom, teams: [], language: "" });

export const call = (overrides: Json = {}): Json => ({
  type: "default",
  id: "demo",
  cid: "default:demo",
  created_at: "2026-01-02T03:04:05.123456Z",
  updated_at: "2026-01-02T03:04:05.123456Z",
  created_by: user("alice"),
  custom: {},
  ...overrides,
});

const made = (type: string, atMs: number, rest: Json): StreamEvent => ({
  type,
  created_at: new Date(atMs).toISOString(),
  call_cid: "default:demo",
  ...rest,
});

export const callCreated = (overrides: Json = {}, atMs = eventAtMs): StreamEvent =>
  made("call.created", atMs, { members: [], call: call(overrides) });

export const sessionStarted = (
  { sessionId = "session-1", participants = [user("alice")], ...overrides }: Json & { participants?: Json[] } = {},
  atMs = eventAtMs,
): StreamEvent =>
  made("call.session_started", atMs, {
    session_id: sessionId,
    call: call({
      session: {
        id: sessionId,
        participants: participants.map((participant) => ({ user: participant, user_session_id: "u", role: "user" })),
      },
      ...overrides,
    }),
  });

export const event = (type: string, rest: Json = {}, atMs = eventAtMs): StreamEvent => made(type, atMs, rest);

export const participantJoined = (
  id: string,
  { sessionId = "session-1", custom = {} }: { sessionId?: string; custom?: Json } = {},
  atMs = eventAtMs,
): StreamEvent =>
  made("call.session_participant_joined", atMs, {
    session_id: sessionId,
    participant: {
      user: user(id, custom),
      user_session_id: "u",
      role: "user",
      joined_at: new Date(atMs).toISOString(),
    },
  });

export const sign = (body: string | Uint8Array, secret = apiSecret): string =>
  createHmac("sha256", secret).update(body).digest("hex");

/** The headers and body of a delivery, as Stream sends them. */
export const delivery = (
  body: string | StreamEvent,
  { gzip = false, webhookId = "w-1", attempt = 1, secret = apiSecret } = {},
): { headers: Record<string, string>; body: Uint8Array<ArrayBuffer> } => {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return {
    headers: {
      "content-type": "application/json",
      "x-api-key": apiKey,
      "x-signature": sign(text, secret),
      "x-webhook-id": webhookId,
      "x-webhook-attempt": String(attempt),
      ...(gzip ? { "content-encoding": "gzip" } : {}),
    },
    body: new Uint8Array(gzip ? gzipSync(text) : Buffer.from(text)),
  };
};
