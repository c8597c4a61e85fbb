import { type CallRecord, type Counted, nothingHappened, type UsedTool } from "./call-record.ts";
import { cut } from "./cut.ts";
import { addUsage, type Usage } from "./usage.ts";

/** What happens in a stay, as far as its record is concerned. Times are ISO 8601. */
export type RecordEvent =
  | { type: "joined"; at: string }
  | { type: "person_came"; at: string; sessionId: string; userId: string; name: string }
  | { type: "person_left"; at: string; sessionId: string }
  | { type: "turn"; role: "person" | "agent" }
  | { type: "interruption" }
  | { type: "tool"; tool: UsedTool }
  | { type: "usage"; usage: Usage };

/** What a record says of a stay that goes on, and which sessions each person has. */
export interface Tally extends Counted {
  joinedAt: string | undefined;
  /** Session id → their user's. Somebody in two tabs is one person. */
  sessions: ReadonlyMap<string, string>;
}

/** More are counted, not listed: the record is one item of at most 400 kB. */
export const maxListed = { people: 200, tools: 500 } as const;

/** Stream takes longer names, and would have a full call's record too long to be kept. */
const maxNameLength = 100;

export const emptyTally: Tally = {
  joinedAt: undefined,
  ...nothingHappened,
  sessions: new Map(),
};

const personCame = (tally: Tally, event: Extract<RecordEvent, { type: "person_came" }>): Tally => {
  const { at, sessionId, userId, name } = event;
  if (tally.sessions.has(sessionId)) return tally;
  const isThere = [...tally.sessions.values()].includes(userId);
  const sessions = new Map(tally.sessions).set(sessionId, userId);
  if (isThere) return { ...tally, sessions };
  const person = { userId, ...(name === "" ? {} : { name: cut(name, maxNameLength) }), joinedAt: at };
  const people = tally.people.length < maxListed.people ? [...tally.people, person] : tally.people;
  return { ...tally, sessions, people, peopleCount: tally.peopleCount + 1 };
};

const personLeft = (tally: Tally, event: Extract<RecordEvent, { type: "person_left" }>): Tally => {
  const userId = tally.sessions.get(event.sessionId);
  if (userId === undefined) return tally;
  const sessions = new Map(tally.sessions);
  sessions.delete(event.sessionId);
  if ([...sessions.values()].includes(userId)) return { ...tally, sessions };
  const isTheirs = (person: CallRecord["people"][number]) => person.userId === userId && person.leftAt === undefined;
  const people = tally.people.map((person) => (isTheirs(person) ? { ...person, leftAt: event.at } : person));
  return { ...tally, sessions, people };
};

/** The tally with one more event. Pure. */
export const tallied = (tally: Tally, event: RecordEvent): Tally => {
  switch (event.type) {
    case "joined":
      return { ...tally, joinedAt: tally.joinedAt ?? event.at };
    case "person_came":
      return personCame(tally, event);
    case "person_left":
      return personLeft(tally, event);
    case "turn":
      return { ...tally, turns: { ...tally.turns, [event.role]: tally.turns[event.role] + 1 } };
    case "interruption":
      return { ...tally, interruptions: tally.interruptions + 1 };
    case "tool": {
      const tools = tally.tools.length < maxListed.tools ? [...tally.tools, event.tool] : tally.tools;
      return { ...tally, tools, toolCount: tally.toolCount + 1 };
    }
    case "usage":
      return { ...tally, ...addUsage(tally, event.usage) };
  }
};
