import type { AgentEvent } from "./events.ts";

/** Stream takes 5 kB of custom data. */
export const maxEventBytes = 5_000;

const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));

/** The newest of a text that takes at most so many bytes of JSON, after a "…". */
const newest = (text: string, maxBytes: number): string => {
  // A letter takes a byte at least.
  const letters = [...text.slice(-maxBytes)];
  const tail = (from: number) => `…${letters.slice(from).join("")}`;
  let [tooEarly, late] = [0, letters.length];
  while (late - tooEarly > 1) {
    const middle = (tooEarly + late) >> 1;
    if (bytesOf(tail(middle)) <= maxBytes) late = middle;
    else tooEarly = middle;
  }
  return tail(late);
};

/** The event, small enough to be sent: a caption too long keeps its newest words. */
export const fitted = (event: AgentEvent): AgentEvent => {
  if (event.type !== "agent.caption" || bytesOf(event) <= maxEventBytes) return event;
  const room = maxEventBytes - bytesOf({ ...event, text: "" }) + bytesOf("");
  return { ...event, text: newest(event.text, room) };
};
