import { inputError, notAllowed } from "./api-error.ts";
import type { CallRecord, Member } from "./calls.ts";
import { callResponse, memberResponses } from "./calls.ts";
import { type Coordinator, memberIds } from "./coordinator.ts";
import { deepMerge, isJson, type Json, optionalText, record, requiredText } from "./fields.ts";
import { settingsOf } from "./settings.ts";
import type { Caller } from "./tokens.ts";

const now = () => new Date().toISOString();

export const membersFrom = (given: unknown): Member[] =>
  (Array.isArray(given) ? given : []).filter(isJson).map((member) => {
    const role = optionalText(member.role, "members.role");
    return {
      userId: requiredText(member.user_id, "members.user_id"),
      ...(role === undefined ? {} : { role }),
      custom: record(member.custom),
      createdAt: now(),
      updatedAt: now(),
    };
  });

const creatorOf = (caller: Caller, data: Json): string => {
  if (caller.kind === "user") return caller.userId;
  const id = optionalText(data.created_by_id, "data.created_by_id") ?? optionalText(record(data.created_by).id, "id");
  if (!id) throw inputError("either data.created_by or data.created_by_id is required when using server side auth");
  return id;
};

export interface CallAddress {
  type: string;
  id: string;
}

export const cidOf = ({ type, id }: CallAddress): string => `${type}:${id}`;

/**
 * Finds the call or creates it from the request's `data`. A new call's creator and members must exist (400
 * otherwise); `data` of a call that exists already is ignored, as Stream does.
 */
export const getOrCreateCall = (
  coordinator: Coordinator,
  caller: Caller,
  address: CallAddress,
  data: Json,
): { call: CallRecord; created: boolean } => {
  const cid = cidOf(address);
  const known = coordinator.calls.find(cid);
  if (known) return { call: known, created: false };
  if (!/^[\w-]+$/.test(address.id)) throw inputError("call id may hold letters, digits, _ and - only");
  const createdById = creatorOf(caller, data);
  if (isJson(data.created_by)) coordinator.users.upsert(data.created_by);
  const members = membersFrom(data.members);
  coordinator.users.requireAll([createdById, ...members.map(({ userId }) => userId)]);
  const ofType = settingsOf(address.type, coordinator.inactivityTimeoutSeconds);
  const settings = deepMerge(ofType, record(data.settings_override));
  const startsAt = optionalText(data.starts_at, "data.starts_at");
  const team = optionalText(data.team, "data.team");
  const call: CallRecord = {
    ...address,
    cid,
    createdById,
    createdAt: now(),
    updatedAt: now(),
    ...(startsAt === undefined ? {} : { startsAt }),
    ...(team === undefined ? {} : { team }),
    backstage: record(settings.backstage).enabled === true,
    custom: record(data.custom),
    settings,
    members: new Map(members.map((member) => [member.userId, member])),
    blockedUserIds: new Set(),
    permissions: new Map(),
  };
  coordinator.calls.add(call);
  emitCall(coordinator, call, "call.created", { members: memberResponses(coordinator.users, call) });
  return { call, created: true };
};

/** PATCH of a call: `custom` is replaced, settings are merged. */
export const updateCall = (coordinator: Coordinator, call: CallRecord, changes: Json): void => {
  if (isJson(changes.custom)) call.custom = changes.custom;
  if (isJson(changes.settings_override)) call.settings = deepMerge(call.settings, changes.settings_override);
  const startsAt = optionalText(changes.starts_at, "starts_at");
  if (startsAt !== undefined) call.startsAt = startsAt;
  call.updatedAt = now();
  emitCall(coordinator, call, "call.updated", { capabilities_by_role: {} });
};

export const emitCall = (coordinator: Coordinator, call: CallRecord, type: string, payload: Json = {}): void =>
  coordinator.hub.emit(call.cid, type, { call: callResponse(coordinator.users, call), ...payload }, memberIds(call));

/** Throws ApiError 403 unless the caller holds the capability in this call. */
export const requireCapability = (capabilities: readonly string[], capability: string): void => {
  if (!capabilities.includes(capability)) throw notAllowed(`you are not allowed to do this: ${capability} is missing`);
};
