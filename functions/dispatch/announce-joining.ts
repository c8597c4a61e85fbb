import { createHmac } from "node:crypto";
import { BridgeError } from "../../bridge-task/errors.ts";
import type { AgentStateEvent } from "../../bridge-task/in-call/events.ts";
import type { AgentUser } from "../../bridge-task/job.ts";
import type { Logger } from "../../bridge-task/log.ts";

export interface Joining {
  call: { type: string; id: string };
  user: AgentUser;
  /** Its user is made if there is none; an agent that was there before has one. */
  mayCreateUser: boolean;
}

/** Tells the people in a call that an agent is on its way. Best effort: takes at most 500 ms and never rejects. */
export type AnnounceJoining = (joining: Joining) => Promise<void>;

export interface JoiningAnnouncerOptions {
  streamApiKey: string;
  streamApiSecret: string;
  /** Another server than Stream's own. */
  streamBaseUrl: string | undefined;
  logger: Logger;
}

const budgetMs = 500;

/** Stream's hosts: users stand with the chat API. */
const videoUrl = "https://video.stream-io-api.com";
const commonUrl = "https://chat.stream-io-api.com";

const base64Url = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** The token with which a server speaks to Stream: HS256, no expiry. */
const serverToken = (secret: string): string => {
  const signed = `${base64Url({ alg: "HS256", typ: "JWT" })}.${base64Url({ server: true })}`;
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
};

class StreamRequestError extends BridgeError {
  /** Stream will not have it as it is: the user, or the call, may not exist. */
  readonly isRefusal: boolean;

  constructor(path: string, status: number, { code, message }: Record<string, unknown>) {
    super("stream_request", `Stream answered ${status} to ${path}: ${String(message)}`, { data: { status, code } });
    this.isRefusal = status >= 400 && status < 500 && status !== 429;
  }
}

/**
 * The webhook's own few requests to Stream, by fetch: the SDK would weigh more than the rest of the function.
 * An existing user is never touched: an upsert would wipe what it has.
 */
export const createJoiningAnnouncer = (options: JoiningAnnouncerOptions): AnnounceJoining => {
  const { streamApiKey, streamApiSecret, streamBaseUrl, logger } = options;
  const authorization = serverToken(streamApiSecret);

  const request = async (
    method: string,
    path: string,
    { body, query = {}, signal }: { body?: object; query?: Record<string, string>; signal: AbortSignal },
  ): Promise<Record<string, unknown>> => {
    const url = new URL(streamBaseUrl ?? (path.startsWith("/video/") ? videoUrl : commonUrl));
    url.pathname = `${url.pathname.replace(/\/$/, "")}/api/v2${path}`;
    url.search = new URLSearchParams({ api_key: streamApiKey, ...query }).toString();
    const response = await fetch(url, {
      method,
      signal,
      headers: { authorization, "stream-auth-type": "jwt", "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    // No JSON: the status says what there is to say.
    const answer: unknown = await response.json().catch(() => ({}));
    const fields = typeof answer === "object" && answer !== null ? (answer as Record<string, unknown>) : {};
    if (!response.ok) throw new StreamRequestError(path, response.status, fields);
    return fields;
  };

  const createUser = async (user: AgentUser, signal: AbortSignal): Promise<void> => {
    const payload = JSON.stringify({ filter_conditions: { id: { $in: [user.id] } }, limit: 1 });
    const { users } = await request("GET", "/users", { query: { payload }, signal });
    if (Array.isArray(users) && users.length > 0) return;
    const made = { ...user, custom: { ...user.custom, agent: true } };
    await request("POST", "/users", { body: { users: { [user.id]: made } }, signal });
  };

  return async ({ call, user, mayCreateUser }) => {
    const signal = AbortSignal.timeout(budgetMs);
    const path = `/video/call/${encodeURIComponent(call.type)}/${encodeURIComponent(call.id)}/event`;
    const custom: AgentStateEvent = {
      type: "agent.state",
      agent: user.id,
      state: "joining",
      at: new Date().toISOString(),
    };
    const send = () => request("POST", path, { body: { custom, user_id: user.id }, signal });
    try {
      await send().catch(async (error: unknown) => {
        if (!mayCreateUser || !(error instanceof StreamRequestError && error.isRefusal)) throw error;
        await createUser(user, signal);
        await send();
      });
    } catch (error) {
      // Nobody is told a few seconds early: no more than that.
      logger.warn("joining_not_announced", { callCid: `${call.type}:${call.id}`, agentUserId: user.id, error });
    }
  };
};
