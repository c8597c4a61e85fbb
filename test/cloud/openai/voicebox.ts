import type { Voicebox } from "./mind.ts";

const sampleRate = 24_000;
const charactersPerSecond = 15;

/** Speech-like sound without a synthesiser: syllables of a gliding tone, as long as somebody would need to say the text. */
export const toneVoicebox: Voicebox = {
  speech: async (text) => syllables(text.length / charactersPerSecond),
  signal: () => syllables(1),
};

const syllables = (seconds: number): Int16Array =>
  Int16Array.from({ length: Math.round(seconds * sampleRate) }, (_, sample) => {
    const at = sample / sampleRate;
    const envelope = 0.5 - 0.5 * Math.cos(2 * Math.PI * 4 * at);
    return Math.round(9_000 * envelope * Math.sin(2 * Math.PI * (600 * at + 60 * Math.sin(2 * Math.PI * at))));
  });
