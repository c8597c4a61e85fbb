type Json = Record<string, unknown>;
const object = (value: unknown): Json => (typeof value === "object" && value !== null ? (value as Json) : {});

/** Whether a user, as the coordinator describes it, is a person: no agent by its own mark, and none of `agentUserIds`. */
export const isPerson = (user: unknown, agentUserIds: ReadonlySet<string>): boolean => {
  const { id, custom } = object(user);
  return typeof id === "string" && id !== "" && !agentUserIds.has(id) && object(custom).agent !== true;
};

/**
 * What a call, as the coordinator describes it, tells of the people in its session: whether one is there, and whether one
 * has accepted its ring. A session that has ended tells nothing.
 */
export const peopleIn = (
  call: unknown,
  agentUserIds: ReadonlySet<string>,
): { isSomebodyThere: boolean; hasSomebodyAccepted: boolean } => {
  const session = object(object(call).session);
  if (session.ended_at) return { isSomebodyThere: false, hasSomebodyAccepted: false };
  const participants = Array.isArray(session.participants) ? session.participants : [];
  const anonymousCount = Number(session.anonymous_participant_count ?? 0);
  return {
    isSomebodyThere: anonymousCount > 0 || participants.some((seat) => isPerson(object(seat).user, agentUserIds)),
    hasSomebodyAccepted: Object.keys(object(session.accepted_by)).some((id) => !agentUserIds.has(id)),
  };
};
