import type { AskOutcome, AskRefusal, Dispatcher, SendOutcome } from "../dispatch/dispatcher.ts";
import { ApiError, invalid } from "./errors.ts";
import type { UpdateResult } from "./types.ts";
import type { Checked } from "./validation/problems.ts";
import type { requestChecks } from "./validation/requests.ts";
import { isObject } from "./validation/schema.ts";
import { viewOf } from "./view.ts";

/** A request that passed the door: who it is about, and its body where it has one. */
export interface ApiRequest {
  type: string;
  id: string;
  /** Empty where the path names none. */
  userId: string;
  body: unknown;
  /** When it came; Unix epoch in milliseconds. */
  atMs: number;
  dispatcher: Dispatcher;
}

export interface Reply {
  status: 200 | 202;
  body: object;
}

export type Handler = (request: ApiRequest) => Promise<Reply>;

/** How long a change waits for the agent to say what it could apply; its task looks once a second. */
export const updateWaitMs = 5_000;

const required = <T>(checked: Checked<T>): T => {
  if (checked.ok) return checked.value;
  throw invalid(checked.fields);
};

const cidOf = ({ type, id }: ApiRequest): string => `${type}:${id}`;

const notThere = (request: ApiRequest): ApiError =>
  new ApiError(404, {
    error: "not_there",
    message: `${request.userId} is not in ${cidOf(request)}: POST /calls/${request.type}/${request.id}/agents brings it, GET lists who is there`,
  });

const capMessages: Record<Exclude<AskRefusal, "call_ended" | "ignored">, string> = {
  agents_per_call: "the call has as many agents as it may have: send one away, or raise MAX_AGENTS_PER_CALL",
  calls_at_once: "as many agents are in calls as may be at once: try again later, or raise MAX_CALLS",
  launches:
    "this agent was launched in this call three times within ten minutes: look at the log of its task, then try again",
};

const capRetrySeconds = 30;

const refusalOf = (
  { reason, retryAfterSeconds = capRetrySeconds }: Extract<AskOutcome, { outcome: "refused" }>,
  cid: string,
): ApiError => {
  if (reason === "call_ended") {
    return new ApiError(409, { error: reason, message: `${cid} has ended: nobody can join it, make a new call` });
  }
  if (reason === "ignored") {
    const message = `the agent may not come back into this session of ${cid}: it was sent away; the next session may have it`;
    return new ApiError(409, { error: "not_now", message });
  }
  return new ApiError(429, { error: "cap_reached", message: capMessages[reason], cap: reason, retryAfterSeconds });
};

const sentOf = (outcome: SendOutcome, request: ApiRequest): string => {
  if (outcome.outcome === "sent") return outcome.mailId;
  if (outcome.outcome === "not_there") throw notThere(request);
  throw new ApiError(429, {
    error: "mailbox_full",
    message: "the agent has not read what was sent before: try again, or send less at once",
    retryAfterSeconds: 2,
  });
};

/** The task's answer is read from a table that an older deployment may have written to. */
const isUpdateResult = (answer: unknown): answer is UpdateResult =>
  isObject(answer) && Array.isArray(answer.applied) && Array.isArray(answer.notApplied);

/** What each route does. Rejections are turned into answers by apiErrorOf. */
export const createHandlers = (checks: ReturnType<typeof requestChecks>) => {
  const join: Handler = async (request) => {
    const { type, id, atMs, dispatcher } = request;
    const assignment = required(checks.join(request.body));
    const asked = await dispatcher.ask({ call: { type, id }, assignment, source: "post", eventAtMs: atMs });
    if (asked.outcome === "refused") throw refusalOf(asked, cidOf(request));
    const { outcome, pair } = asked;
    return { status: outcome === "launched" ? 202 : 200, body: { outcome, agent: viewOf(assignment.user.id, pair) } };
  };

  const list: Handler = async (request) => {
    const pairs = await request.dispatcher.list(cidOf(request));
    return { status: 200, body: { agents: pairs.map(({ userId, pair }) => viewOf(userId, pair)) } };
  };

  const update: Handler = async (request) => {
    const { userId, dispatcher } = request;
    const change = required(checks.update(request.body));
    const mailId = sentOf(await dispatcher.send(cidOf(request), userId, { kind: "update", ...change }), request);
    const answer = await dispatcher.answerTo(cidOf(request), userId, mailId, updateWaitMs);
    if (!isUpdateResult(answer)) return { status: 202, body: { pending: mailId } };
    return { status: 200, body: { applied: answer.applied, notApplied: answer.notApplied } };
  };

  const leave: Handler = async (request) => {
    const outcome = await request.dispatcher.dismiss(cidOf(request), request.userId);
    if (outcome === "not_there") throw notThere(request);
    return { status: 202, body: { outcome } };
  };

  const say: Handler = async (request) => {
    const { text, respond = true } = required(checks.message(request.body));
    const mail = { kind: "message", text, respond } as const;
    return {
      status: 202,
      body: { id: sentOf(await request.dispatcher.send(cidOf(request), request.userId, mail), request) },
    };
  };

  const record: Handler = async (request) => {
    const found = await request.dispatcher.record(cidOf(request), request.userId);
    if (found !== undefined) return { status: 200, body: found };
    throw new ApiError(404, {
      error: "no_record",
      message: `there is no record of ${request.userId} in ${cidOf(request)}: it is written when the agent has left, and kept for 90 days`,
    });
  };

  return { join, list, update, leave, say, record };
};
