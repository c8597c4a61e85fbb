import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import { ApiError, apiCode, inputError } from "../coordinator/api-error.ts";
import type { CallRecord } from "../coordinator/calls.ts";
import { capabilitiesOf } from "../coordinator/capabilities.ts";
import type { Coordinator } from "../coordinator/coordinator.ts";
import { type CallAddress, cidOf, requireCapability } from "../coordinator/create-call.ts";
import { isJson, type Json } from "../coordinator/fields.ts";
import { type Caller, requireCallAccess, verifyToken } from "../coordinator/tokens.ts";

export interface RestEnv {
  Variables: { caller: Caller; startedAtMs: number };
}

export type RestContext = Context<RestEnv>;

/** api_key in the query, the bare JWT in the authorization header. */
export const authenticate = (coordinator: Coordinator) =>
  createMiddleware<RestEnv>(async (c, next) => {
    if (c.req.query("api_key") !== coordinator.apiKey)
      throw new ApiError(401, apiCode.accessKey, "api_key is missing or not that of this app");
    const token = c.req.header("authorization");
    if (!token) throw new ApiError(401, apiCode.auth, "authorization header is missing");
    c.set("caller", verifyToken(token, coordinator.apiSecret, Date.now()));
    await next();
  });

/** The JSON body, `{}` if there is none. */
export const bodyOf = async (c: RestContext): Promise<Json> => {
  const text = await c.req.text();
  if (text === "") return {};
  try {
    const body: unknown = JSON.parse(text);
    if (isJson(body)) return body;
  } catch {
    // The error below is the answer to any body that is not a JSON object.
  }
  throw inputError("the request body must be a JSON object");
};

export const answer = (c: RestContext, body: Json, status: 200 | 201 = 200): Response =>
  c.json({ ...body, duration: `${(performance.now() - c.get("startedAtMs")).toFixed(2)}ms` }, status);

/** The call that the path names; a call token must list it. */
export const addressOf = (c: RestContext): CallAddress => {
  const address = { type: c.req.param("type") ?? "", id: c.req.param("id") ?? "" };
  requireCallAccess(c.get("caller"), cidOf(address));
  return address;
};

export const existingCall = (coordinator: Coordinator, c: RestContext): CallRecord =>
  coordinator.calls.require(cidOf(addressOf(c)));

/** The call, for somebody who holds the capability in it; a server may do everything. */
export const callFor = (coordinator: Coordinator, c: RestContext, capability: string): CallRecord => {
  const call = existingCall(coordinator, c);
  const caller = c.get("caller");
  if (caller.kind === "user") requireCapability(capabilitiesOf(call, coordinator.users.get(caller.userId)), capability);
  return call;
};

export const userIdOf = (c: RestContext): string | undefined => {
  const caller = c.get("caller");
  return caller.kind === "user" ? caller.userId : undefined;
};

/** From now on the coordinator socket named by `connection_id`, if any, gets the call's events. */
export const watchCall = (coordinator: Coordinator, c: RestContext, cid: string): void => {
  const connectionId = c.req.query("connection_id");
  if (connectionId && !coordinator.hub.watch(connectionId, cid))
    throw new ApiError(400, apiCode.connectionNotFound, `connection id ${connectionId} is not open`);
};
