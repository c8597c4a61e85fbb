/** Louder than this is speech: above a quiet room, below a soft voice. */
const voicedDbfs = -45;
/** Shorter sounds (a click, a cough) are not a turn. */
const shortestSpeechMs = 200;
/** A pause this long ends a stretch of sound. */
const pauseMs = 300;
/** Sound this soon after the person's is no answer to it: nobody has waited for the end of their turn. */
const soonestAnswerMs = 100;

/** One side's sound: when the current or last stretch began, and when it was last voiced. */
interface Side {
  beganAtMs: number | null;
  lastVoicedAtMs: number;
}

export interface TurnLatency {
  person: Side;
  agent: Side;
  /** When the person's last turn ended, while no answer to it has been heard. */
  unansweredSinceMs: number | null;
}

export const noTurns: TurnLatency = {
  person: { beganAtMs: null, lastVoicedAtMs: 0 },
  agent: { beganAtMs: null, lastVoicedAtMs: 0 },
  unansweredSinceMs: null,
};

export interface LevelStep {
  state: TurnLatency;
  /** Milliseconds from the end of the person's speech to the first sound of the answer; null unless an answer began just now. */
  answeredAfterMs: number | null;
  /** The agent can be heard now, or could a pause ago. */
  agentAudible: boolean;
}

const listen = (side: Side, levelDbfs: number, nowMs: number): Side => {
  if (levelDbfs > voicedDbfs) return { beganAtMs: side.beganAtMs ?? nowMs, lastVoicedAtMs: nowMs };
  return side.beganAtMs !== null && nowMs - side.lastVoicedAtMs >= pauseMs ? { ...side, beganAtMs: null } : side;
};

/** The person's side became this loud at `nowMs`. */
export const personLevel = (state: TurnLatency, levelDbfs: number, nowMs: number): LevelStep => {
  const person = listen(state.person, levelDbfs, nowMs);
  const { beganAtMs, lastVoicedAtMs } = person;
  const speaking = beganAtMs !== null && lastVoicedAtMs - beganAtMs >= shortestSpeechMs;
  return {
    state: { ...state, person, unansweredSinceMs: speaking ? lastVoicedAtMs : state.unansweredSinceMs },
    answeredAfterMs: null,
    agentAudible: state.agent.beganAtMs !== null,
  };
};

/**
 * The agent's side became this loud at `nowMs`. A stretch of sound that begins after the person's last voiced moment is the
 * answer to it; a stretch that was already sounding then is what the person talked over.
 */
export const agentLevel = (state: TurnLatency, levelDbfs: number, nowMs: number): LevelStep => {
  const agent = listen(state.agent, levelDbfs, nowMs);
  const begins = state.agent.beganAtMs === null && agent.beganAtMs !== null;
  const sinceTurnMs = state.unansweredSinceMs === null ? null : nowMs - state.unansweredSinceMs;
  const answers = begins && sinceTurnMs !== null && sinceTurnMs >= soonestAnswerMs;
  return {
    state: { ...state, agent, unansweredSinceMs: answers ? null : state.unansweredSinceMs },
    answeredAfterMs: answers ? sinceTurnMs : null,
    agentAudible: agent.beganAtMs !== null,
  };
};
