import { inputError, notAllowed, notFound } from "./api-error.ts";
import { type CallRecord, callResponse, memberResponse, memberResponses } from "./calls.ts";
import { capabilitiesOf } from "./capabilities.ts";
import type { Coordinator } from "./coordinator.ts";
import { type CallAddress, cidOf, getOrCreateCall } from "./create-call.ts";
import { type Json, record, requiredText, textList } from "./fields.ts";
import { announceAsAsked } from "./ringing.ts";
import type { Caller } from "./tokens.ts";

/** What every answer about one call holds. */
export const callState = (coordinator: Coordinator, caller: Caller, call: CallRecord): Json => {
  const { users } = coordinator;
  const userId = caller.kind === "user" ? caller.userId : undefined;
  const member = userId === undefined ? undefined : call.members.get(userId);
  return {
    call: callResponse(users, call),
    members: memberResponses(users, call),
    ...(member ? { membership: memberResponse(users, member) } : {}),
    own_capabilities: capabilitiesOf(call, userId === undefined ? undefined : users.get(userId)),
  };
};

const refuseJoin = (call: CallRecord, userId: string, capabilities: readonly string[]): void => {
  if (call.blockedUserIds.has(userId))
    throw notAllowed(`JoinCall failed with error: "${userId} is blocked in ${call.cid}"`);
  if (!capabilities.includes("join-call")) throw notAllowed('JoinCall failed with error: "join-call is missing"');
  if (call.endedAt && !capabilities.includes("join-ended-call"))
    throw notAllowed(`JoinCall failed with error: "call ${call.cid} has ended"`);
  if (!call.backstage || capabilities.includes("join-backstage")) return;
  const aheadMs = Number(record(call.settings.backstage).join_ahead_time_seconds ?? 0) * 1000;
  const opensAtMs = call.startsAt && aheadMs > 0 ? Date.parse(call.startsAt) - aheadMs : Number.POSITIVE_INFINITY;
  if (Date.now() < opensAtMs) throw notAllowed(`JoinCall failed with error: "call ${call.cid} is in backstage"`);
};

/** With "available" the clients decide. */
const matchesEncryption = (call: CallRecord, isEncrypted: boolean): boolean => {
  const { mode } = record(call.settings.encryption);
  return mode === "available" || isEncrypted === (mode !== "disabled");
};

/**
 * POST …/join. Throws ApiError: 400 for a server token or no location, 403, or 404 (code 16) for an unknown user or
 * call.
 */
export const joinCall = (coordinator: Coordinator, caller: Caller, address: CallAddress, body: Json): Json => {
  if (caller.kind !== "user") throw inputError("join needs a user token: a server cannot be in a call");
  requiredText(body.location, "location");
  const user = coordinator.users.get(caller.userId);
  if (!user) throw notFound(`JoinCall failed with error: "the user ${caller.userId} does not exist"`);
  const { call, created } =
    body.create === true
      ? getOrCreateCall(coordinator, caller, address, record(body.data))
      : { call: coordinator.calls.require(cidOf(address)), created: false };
  if (!matchesEncryption(call, body.e2ee === true))
    throw inputError("JoinCall failed with error: e2ee does not match the call's encryption settings");
  refuseJoin(call, user.id, capabilitiesOf(call, user));
  coordinator.sessions.current(call);
  announceAsAsked(coordinator, call, user.id, body);
  const avoid = [body.migrating_from, ...textList(body.migrating_from_list, "migrating_from_list")];
  return {
    ...callState(coordinator, caller, call),
    created,
    credentials: coordinator.sfu.issue(
      call.cid,
      user.id,
      avoid.filter((edge) => typeof edge === "string"),
    ),
    stats_options: { enable_rtc_stats: false, reporting_interval_ms: 0 },
  };
};
