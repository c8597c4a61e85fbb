import type { Exchange, Frame, Observations } from "./observations.ts";

export type Json = Record<string, unknown>;

export const objectOf = (value: unknown): Json => (typeof value === "object" && value !== null ? (value as Json) : {});
export const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

/** What stands at the end of a path of keys; undefined where it breaks off. */
export const at = (value: unknown, ...path: string[]): unknown =>
  path.reduce<unknown>((inner, key) => objectOf(inner)[key], value);

export const framesOf = (
  { frames }: Observations,
  service: Frame["service"],
  direction: Frame["direction"],
  ...types: string[]
): Frame[] =>
  frames.filter(
    (frame) =>
      frame.service === service && frame.direction === direction && (!types.length || types.includes(frame.type)),
  );

/** Requests of the agent and the caller to join the call. The guest's are made to be refused. */
export const plainJoins = ({ exchanges, noted: { names } }: Observations): Exchange[] =>
  exchanges.filter(
    ({ path, claims }) => path.endsWith("/join") && [names?.agent, names?.caller].includes(String(claims?.user_id)),
  );

export const isGood = (status: number): boolean => status >= 200 && status < 300;
/** Refused for what it is: 429 says nothing about that. */
export const isRefused = (status: number): boolean => status >= 400 && status < 500 && status !== 429;

export const rpcs = ({ exchanges }: Observations, method?: string): Exchange[] =>
  exchanges.filter(
    ({ path }) => path.includes("SignalServer/") && (method === undefined || path.endsWith(`/${method}`)),
  );

/** Ids of the responses that are under way on a socket when the frame at this place passes. */
export const activeResponses = (frames: readonly Frame[], place: number): Set<unknown> => {
  const active = new Set<unknown>();
  const socket = frames[place]?.socket;
  for (const frame of frames.slice(0, place)) {
    if (frame.service !== "openai" || frame.socket !== socket || frame.direction !== "in") continue;
    const id = at(frame.event, "response", "id");
    if (frame.type === "response.created") active.add(id);
    else if (frame.type === "response.done") active.delete(id);
  }
  return active;
};

/** The error that answers what the client sent; undefined where there was none. */
export const errorTo = (seen: Observations, sent: Frame): Json | undefined => {
  const answer = framesOf(seen, "openai", "in", "error").find(
    ({ socket, event }) => socket === sent.socket && at(event, "error", "event_id") === sent.event.event_id,
  );
  return sent.event.event_id === undefined || answer === undefined ? undefined : objectOf(answer.event.error);
};

/** What was seen, as short as can be. */
export const brief = (value: unknown): string => {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return (text ?? "nothing").slice(0, 300);
};
