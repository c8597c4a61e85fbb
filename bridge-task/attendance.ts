import type { EndReason } from "./job.ts";

/** Someone in the call who is neither this agent nor another one. */
export interface Person {
  sessionId: string;
  /** They have published a microphone track, so their side of the call is up. */
  publishesAudio: boolean;
}

export interface AttendanceLimits {
  /** How long the agent waits for the first person. */
  waitForMs: number;
  /** How long the agent stays after the last person left. */
  idleTimeoutMs: number;
  /** The longest stay in one call. */
  maxDurationMs: number;
  /** A person who joins muted is greeted after this long. */
  greetMutedAfterMs: number;
  /**
   * So long after our voice was announced to a person, it is assumed to reach them: until then their side negotiates it, and
   * what is sent is lost. Nothing of the greeting is sent earlier.
   */
  reachableAfterMs: number;
  /** Told that somebody comes, the agent stays at least so long, for them to be seen. */
  knockGraceMs: number;
}

export const defaultLimits: AttendanceLimits = {
  waitForMs: 120_000,
  idleTimeoutMs: 15_000,
  maxDurationMs: 4 * 3_600_000,
  greetMutedAfterMs: 1_500,
  reachableAfterMs: 500,
  knockGraceMs: 5_000,
};

/** Who is there and what has been said to them. Times are milliseconds of one monotonic clock. */
export interface Attendance {
  joinedAtMs: number;
  /** Session id → when they came and whether they can be assumed to hear. */
  people: ReadonlyMap<string, { sinceMs: number; publishesAudio: boolean }>;
  /** Since when nobody has been there; null while somebody is. */
  emptySinceMs: number | null;
  hadPeople: boolean;
  /** Somebody is said to be on their way: nobody's absence counts before. */
  expectedUntilMs: number;
  /** `waiting` until the application's own session updates are in force; `due` until somebody can hear it; then never again. */
  greeting: "waiting" | "due" | "done";
}

export type AttendanceEvent =
  | { type: "people"; people: readonly Person[] }
  /** The application's session updates are in force: from here on the agent may speak. */
  | { type: "ready" }
  /** A person began to speak: the greeting would talk over them. */
  | { type: "speech" }
  /** Told from elsewhere, perhaps ahead of the SFU: somebody comes, or just came. */
  | { type: "knock" }
  | { type: "time" };

export type AttendanceCommand =
  /** Ask for the greeting now, and send nothing of it before `audibleFromMs`. */
  | { type: "greet"; audibleFromMs: number }
  /** For `idle` and `waited` to be confirmed first: until then, or until something else happens, nothing is due. */
  | { type: "end"; reason: Extract<EndReason, "idle" | "waited" | "max_duration"> };

export interface AttendanceStep {
  state: Attendance;
  commands: AttendanceCommand[];
  /** When `time` must be sent next. */
  wakeAtMs: number;
}

export const joined = (joinedAtMs: number): Attendance => ({
  joinedAtMs,
  people: new Map(),
  emptySinceMs: joinedAtMs,
  hadPeople: false,
  expectedUntilMs: joinedAtMs,
  greeting: "waiting",
});

const withPeople = (state: Attendance, people: readonly Person[], nowMs: number): Attendance => ({
  ...state,
  people: new Map(
    people.map(({ sessionId, publishesAudio }) => {
      const known = state.people.get(sessionId);
      // Muting later does not undo having been reachable.
      return [
        sessionId,
        { sinceMs: known?.sinceMs ?? nowMs, publishesAudio: publishesAudio || known?.publishesAudio === true },
      ];
    }),
  ),
  emptySinceMs: people.length > 0 ? null : (state.emptySinceMs ?? nowMs),
  hadPeople: state.hadPeople || people.length > 0,
});

const afterEvent = (
  state: Attendance,
  event: AttendanceEvent,
  nowMs: number,
  { knockGraceMs }: AttendanceLimits,
): Attendance => {
  if (event.type === "people") return withPeople(state, event.people, nowMs);
  if (event.type === "knock") return { ...state, expectedUntilMs: nowMs + knockGraceMs };
  if (event.type === "ready" && state.greeting === "waiting") return { ...state, greeting: "due" };
  if (event.type === "speech") return { ...state, greeting: "done" };
  return state;
};

/** When the first of those present may be greeted, and from when on they hear it; null when nobody is there. */
const firstGreeting = (state: Attendance, limits: AttendanceLimits) => {
  const greetings = [...state.people.values()].map(({ sinceMs, publishesAudio }) => ({
    atMs: publishesAudio ? sinceMs : sinceMs + limits.greetMutedAfterMs,
    audibleFromMs: sinceMs + limits.reachableAfterMs,
  }));
  return greetings.toSorted((a, b) => a.atMs - b.atMs)[0] ?? null;
};

/**
 * One rule book for "whom to greet and when to go": greets once, when a person can hear it, never
 * over a person who speaks first; leaves when nobody came, when everybody left, or at the longest stay.
 */
export const attend = (
  before: Attendance,
  event: AttendanceEvent,
  nowMs: number,
  limits: AttendanceLimits,
): AttendanceStep => {
  const state = afterEvent(before, event, nowMs, limits);
  const endsAtMs = state.joinedAtMs + limits.maxDurationMs;
  const leavesAtMs =
    state.emptySinceMs === null
      ? Number.POSITIVE_INFINITY
      : Math.max(
          state.emptySinceMs + (state.hadPeople ? limits.idleTimeoutMs : limits.waitForMs),
          state.expectedUntilMs,
        );
  if (nowMs >= endsAtMs) return { state, commands: [{ type: "end", reason: "max_duration" }], wakeAtMs: nowMs };
  if (nowMs >= leavesAtMs) {
    return { state, commands: [{ type: "end", reason: state.hadPeople ? "idle" : "waited" }], wakeAtMs: nowMs };
  }
  const greeting = state.greeting === "due" ? firstGreeting(state, limits) : null;
  if (greeting !== null && nowMs >= greeting.atMs) {
    const greeted: Attendance = { ...state, greeting: "done" };
    const greet = { type: "greet", audibleFromMs: greeting.audibleFromMs } as const;
    return { state: greeted, commands: [greet], wakeAtMs: Math.min(endsAtMs, leavesAtMs) };
  }
  return { state, commands: [], wakeAtMs: Math.min(endsAtMs, leavesAtMs, greeting?.atMs ?? Number.POSITIVE_INFINITY) };
};
