import type { AgentStateEvent } from "../../bridge-task/in-call/events.ts";
import type { AgentUser } from "../../bridge-task/job.ts";
import type { Logger } from "../../bridge-task/log.ts";
import { createStreamApi, StreamRequestError } from "../stream/stream-api.ts";

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

/** An existing user is never touched: an upsert would wipe what it has. */
export const createJoiningAnnouncer = (options: JoiningAnnouncerOptions): AnnounceJoining => {
  const { streamApiKey, streamApiSecret, streamBaseUrl, logger } = options;
  const request = createStreamApi({ apiKey: streamApiKey, apiSecret: streamApiSecret, baseUrl: streamBaseUrl });

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
