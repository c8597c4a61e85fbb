import { type CallRecord, callResponse, memberResponses } from "./calls.ts";
import type { Coordinator } from "./coordinator.ts";
import { emitCall } from "./create-call.ts";
import type { Json } from "./fields.ts";
import { type User, userResponse } from "./users.ts";

const now = () => new Date().toISOString();

/** Tells the members of the call (all but `byUserId`, or those named) that they are wanted. Answers whom. */
const announce = (
  coordinator: Coordinator,
  call: CallRecord,
  type: "call.ring" | "call.notification",
  { byUserId, memberIds, video }: { byUserId: string; memberIds?: readonly string[]; video?: boolean },
): string[] => {
  const user = coordinator.users.get(byUserId);
  emitCall(coordinator, call, type, {
    members: memberResponses(coordinator.users, call),
    session_id: coordinator.sessions.current(call).id,
    user: user ? userResponse(user) : { id: byUserId },
    video: video === true,
  });
  return [...call.members.keys()].filter((id) => id !== byUserId && (memberIds?.includes(id) ?? true));
};

/** Rings the members of a call; nobody is in it by that. */
export const ringCall = (
  coordinator: Coordinator,
  call: CallRecord,
  options: { byUserId: string; memberIds?: readonly string[]; video?: boolean },
): string[] => announce(coordinator, call, "call.ring", options);

/** Rings or notifies the members, where a request to create or join the call asks for it. */
export const announceAsAsked = (coordinator: Coordinator, call: CallRecord, byUserId: string, body: Json): void => {
  const options = { byUserId, video: body.video === true };
  if (body.ring === true) announce(coordinator, call, "call.ring", options);
  if (body.notify === true) announce(coordinator, call, "call.notification", options);
};

/** accept or reject of a ringing call. */
export const answerRing = (
  coordinator: Coordinator,
  call: CallRecord,
  user: User,
  answer: "accepted" | "rejected",
  reason?: string,
): void => {
  const session = coordinator.sessions.current(call);
  (answer === "accepted" ? session.acceptedBy : session.rejectedBy)[user.id] = now();
  emitCall(coordinator, call, `call.${answer}`, {
    call: callResponse(coordinator.users, call),
    user: userResponse(user),
    ...(reason === undefined ? {} : { reason }),
  });
};
