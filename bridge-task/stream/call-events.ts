import type { WHEvent } from "@stream-io/node-sdk";

/** As JSON carries it: dates are ISO 8601 texts. What node-sdk leaves open (custom data) stays open. */
type Wire<T> = 0 extends 1 & T
  ? T
  : T extends Date
    ? string
    : T extends readonly (infer Item)[]
      ? Wire<Item>[]
      : T extends object
        ? { [Key in keyof T]: Wire<T[Key]> }
        : T;

/** Stream's documentation reads `participant.user.id` in one place and `participant.user_id` in another: both are there. */
type WithUserId<Event> = Event extends { type: PassageType; participant: infer Seat }
  ? Omit<Event, "participant"> & { participant: Seat & { user_id: string } }
  : Event;

type PassageType = "call.session_participant_joined" | "call.session_participant_left";
type OfCall = Extract<WHEvent, { type: `call.${string}` | "custom" }>;

/**
 * What Stream tells of a call, in the shape of its webhooks. Types that it adds later pass through as they are, so at run
 * time `type` may be another `call.…` than those listed here.
 */
export type CallEvent = OfCall extends infer Event ? (Event extends unknown ? WithUserId<Wire<Event>> : never) : never;

export type CallEventOf<Type extends CallEvent["type"]> = Extract<CallEvent, { type: Type }>;

/** For an emitter: the name of an event and its arguments. */
export type CallEventMap = { [Type in CallEvent["type"]]: [event: CallEventOf<Type>] };

/** Somebody came, or went. */
export type PassageEvent = CallEventOf<PassageType>;

/** One session of one user in the call, as the coordinator describes it. */
export type Seat = PassageEvent["participant"];

/** The call, as the coordinator describes it. */
export type CallState = CallEventOf<"call.ended">["call"];

export const isPassage = (event: CallEvent): event is PassageEvent =>
  event.type === "call.session_participant_joined" || event.type === "call.session_participant_left";

type Json = Record<string, unknown>;
const object = (value: unknown): Json => (typeof value === "object" && value !== null ? (value as Json) : {});
const text = (value: unknown): string => (typeof value === "string" ? value : "");

/** The participant with its user's id in both places; undefined without a session and a user. */
const readSeat = (value: unknown): Seat | undefined => {
  const seat = object(value);
  const user = object(seat.user);
  const userId = text(user.id) || text(seat.user_id);
  if (userId === "" || text(seat.user_session_id) === "") return undefined;
  return { ...seat, user: { ...user, id: userId }, user_id: userId } as unknown as Seat;
};

/** That session's place in the call as the coordinator has listed it, if it has. */
export const seatIn = (call: CallState, sessionId: string): Seat | undefined => {
  const { participants } = object(call.session);
  const listed = Array.isArray(participants) ? participants : [];
  return readSeat(listed.find((one) => object(one).user_session_id === sessionId));
};

/**
 * A message of the coordinator's socket as an event of the call `cid`; undefined for everything else. Its fields are taken
 * at Stream's word, but for those that we read ourselves.
 */
export const readCallEvent = (message: Json, cid: string): CallEvent | undefined => {
  const type = text(message.type);
  if (message.call_cid !== cid || !(type === "custom" || type.startsWith("call."))) return undefined;
  const event = message as CallEvent;
  if (!isPassage(event)) return event;
  const participant = readSeat(message.participant);
  return participant && ({ ...message, participant } as CallEvent);
};
