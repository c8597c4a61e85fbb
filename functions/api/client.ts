import type { CallRecord } from "../../bridge-task/in-call/events.ts";
import { AgentsApiError, errorOfAnswer } from "./client-error.ts";
import { baseOf, bodyOf, keyOf, pathOf, timeoutOf } from "./client-input.ts";
import type { AgentView, CallAddress, JoinAnswer, JoinRequest, UpdateAnswer, UpdateRequest } from "./types.ts";

export type { AgentSettings, AgentUser, UrlTool } from "../../bridge-task/job.ts";
export { AgentsApiError } from "./client-error.ts";
export type {
  AgentView,
  CallAddress,
  FieldProblem,
  JoinAnswer,
  JoinRequest,
  UpdateAnswer,
  UpdateRequest,
  UpdateResult,
} from "./types.ts";
export { type AgentsSignature, parseAgentsEvent, verifyAgentsSignature } from "./verify.ts";

export interface AgentsClientOptions {
  /** Address of the deployment. Where it is missing, createAgentsClient throws: a setting may be passed as it is read. */
  url: string | undefined;
  /** The deployment's AGENTS_API_KEY. It belongs on servers only. Where it is missing, createAgentsClient throws. */
  key: string | undefined;
  /** Default: the runtime's own. */
  fetch?: typeof fetch;
  /** How long a request may take; a whole number. Default: 15 000. */
  timeoutMs?: number;
}

/** Agents in calls. Every method rejects with AgentsApiError; a `call` of Stream's SDK may be passed as it is. */
export interface AgentsClient {
  /** Puts an agent into a call, or finds it there. Safe to repeat: one agent's user is in a call once. */
  join(call: CallAddress, request: JoinRequest): Promise<JoinAnswer>;
  /** The agents that are in the call, on their way, or were in it within the last week. */
  list(call: CallAddress): Promise<AgentView[]>;
  /** Changes a talking agent. */
  update(call: CallAddress, userId: string, change: UpdateRequest): Promise<UpdateAnswer>;
  /** Sends the agent away; it finishes its sentence. `not_there`: there was nobody to send. */
  leave(call: CallAddress, userId: string): Promise<"leaving" | "not_there">;
  /** Tells the model something, as if a person had written it. `respond` (default true): it is to answer at once. */
  say(call: CallAddress, userId: string, text: string, options?: { respond?: boolean }): Promise<void>;
  /** The record of the agent's latest stay; undefined until it has left. */
  record(call: CallAddress, userId: string): Promise<CallRecord | undefined>;
}

const ignoring =
  (code: string) =>
  (error: unknown): undefined => {
    if (!(error instanceof AgentsApiError) || error.code !== code) throw error;
    return undefined;
  };

/** No answer came, or the rest of it did not. */
const lost = (cause: unknown, address: string, timeoutMs: number): AgentsApiError => {
  // By name, not by class: a runtime's fetch may live in another realm than this module.
  const { name, message: detail = String(cause) } = (cause ?? {}) as { name?: unknown; message?: unknown };
  const isTimeout = name === "TimeoutError";
  const message = isTimeout
    ? `${address} did not answer within ${timeoutMs} ms: try again`
    : `${address} could not be reached (${detail}): check the url, then try again`;
  return new AgentsApiError({ status: 0, code: isTimeout ? "timeout" : "unreachable", message, cause });
};

const jsonOf = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // Whatever answered, it was not the agents API: errorOfAnswer says so.
  }
};

/**
 * A client of the agents HTTP API: fetch and types, nothing else, for every runtime that has fetch and Web Crypto.
 *
 * @example
 * const agents = createAgentsClient({ url: process.env.AGENTS_URL, key: process.env.AGENTS_KEY });
 * await agents.join({ type: "default", id: "42" }, { user: { id: "lucy" }, session: { instructions: "You are Lucy." } });
 */
export const createAgentsClient = ({
  url,
  key,
  fetch: fetchWith = fetch,
  timeoutMs = 15_000,
}: AgentsClientOptions): AgentsClient => {
  const base = baseOf(url);
  const authorization = `Bearer ${keyOf(key)}`;
  const waitMs = timeoutOf(timeoutMs);

  const send = async (method: string, address: string, body: string | undefined) => {
    try {
      const response = await fetchWith(address, {
        method,
        headers: { authorization, ...(body === undefined ? {} : { "content-type": "application/json" }) },
        ...(body === undefined ? {} : { body }),
        // Followed, a POST may come out as a GET, whose answer is that to another question.
        redirect: "manual",
        signal: AbortSignal.timeout(waitMs),
      });
      return { status: response.status, body: jsonOf(await response.text()) };
    } catch (cause) {
      throw lost(cause, address, waitMs);
    }
  };

  /** `T`: what the deployment of this version answers to that request. */
  const request = async <T>(
    method: string,
    call: CallAddress,
    agent: readonly string[],
    content?: object,
  ): Promise<T> => {
    const address = `${base}/${pathOf(call, agent)}`;
    const { status, body } = await send(method, address, bodyOf(content));
    const isAnswer = status >= 200 && status < 300 && typeof body === "object" && body !== null;
    if (!isAnswer) throw errorOfAnswer(status, body, address);
    return body as T;
  };

  return {
    join: (call, content) => request<JoinAnswer>("POST", call, [], content),
    list: async (call) => (await request<{ agents: AgentView[] }>("GET", call, [])).agents,
    update: (call, userId, change) => request<UpdateAnswer>("PATCH", call, [userId], change),
    leave: async (call, userId) =>
      (await request<object>("DELETE", call, [userId]).catch(ignoring("not_there"))) ? "leaving" : "not_there",
    say: async (call, userId, text, options) => {
      await request<object>("POST", call, [userId, "messages"], { text, ...options });
    },
    record: (call, userId) => request<CallRecord>("GET", call, [userId, "record"]).catch(ignoring("no_record")),
  };
};
