/**
 * Who is speaking, from the audio levels of RTP packets. Stream does not publish its rule; this one is our choice: a
 * window of 400 ms, louder than -35 dBov for 40 % of it.
 */
export const levelIntervalMs = 400;
const activeDbov = 35;
const activeShare = 0.4;
const packetMs = 20;

/** What was heard from one participant since the last look. */
export interface LevelWindow {
  activeMs: number;
  /** Loudest level, -dBov. */
  loudestDbov: number;
}

export const emptyWindow: LevelWindow = { activeMs: 0, loudestDbov: 127 };

export const observe = (window: LevelWindow, levelDbov: number): LevelWindow => ({
  activeMs: window.activeMs + (levelDbov <= activeDbov ? packetMs : 0),
  loudestDbov: Math.min(window.loudestDbov, levelDbov),
});

export interface Loudness {
  /** 0 to 1, linear amplitude of the loudest packet; 0 unless speaking. */
  level: number;
  isSpeaking: boolean;
}

export const silent: Loudness = { level: 0, isSpeaking: false };

export const loudness = (window: LevelWindow): Loudness =>
  window.activeMs >= levelIntervalMs * activeShare
    ? { level: 10 ** (-window.loudestDbov / 20), isSpeaking: true }
    : silent;

/** What is worth telling: everybody who speaks, and who has just stopped. */
export const isNews = (before: Loudness, after: Loudness): boolean => after.isSpeaking || before.isSpeaking;

/** The loudest speaker; while nobody speaks, whoever was it last stays. */
export const dominantSpeaker = (
  speakers: Iterable<readonly [sessionId: string, loudness: Loudness]>,
  current: string | undefined,
): string | undefined => {
  let dominant = current;
  let loudest = 0;
  for (const [sessionId, { level, isSpeaking }] of speakers) {
    // The current one stays at equal loudness: no flicker.
    if (!isSpeaking || level < loudest || (level === loudest && dominant === current)) continue;
    dominant = sessionId;
    loudest = level;
  }
  return dominant;
};
