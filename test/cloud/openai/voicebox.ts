import { signal } from "../../support/signals.ts";
import { type SpeechVoice, speak } from "../../support/speech.ts";
import type { Voicebox } from "./mind.ts";

const deepVoices: ReadonlySet<string> = new Set(["ash", "ballad", "cedar", "echo", "verse"]);

/** flite has few voices: a man's stands for the service's deeper ones, a woman's for all others. */
const fliteVoice = (voice: string): SpeechVoice => (deepVoices.has(voice) ? "rms" : "slt");

/** Speech by flite, and the test signals that a recording can be searched for. */
export const fliteVoicebox: Voicebox = {
  speech: (text, voice) => speak(text, { voice: fliteVoice(voice) }),
  signal: (name, durationMs) => signal(name, durationMs),
};
