import loadFvad, { type FvadModule } from "@echogarden/fvad-wasm";
import type { SemanticVad, ServerVad } from "./config.ts";

/** Samples of one decision: 20 ms at 24 kHz. */
export const frameSamples = 480;

/** Decides for one frame of `frameSamples` whether somebody speaks in it. It remembers the frames before: feed it in order. */
export interface VoiceDetector {
  isVoiced(frame: Int16Array): boolean;
  setThreshold(threshold: number): void;
  close(): void;
}

export const levelDbfs = (frame: Int16Array): number => {
  let power = 0;
  for (const sample of frame) power += sample * sample;
  return 10 * Math.log10(power / Math.max(1, frame.length) / 32_768 ** 2 + 1e-12);
};

/** Low-pass for 24 → 8 kHz: a Hann-windowed sinc with its edge at 3.6 kHz. */
const taps = Float64Array.from({ length: 37 }, (_, index) => {
  const n = index - 18;
  const cutoff = 3_600 / 24_000;
  const sinc = n === 0 ? 2 * cutoff : Math.sin(2 * Math.PI * cutoff * n) / (Math.PI * n);
  return sinc * (0.5 + 0.5 * Math.cos((Math.PI * n) / 19));
});

/** The WebRTC detector works on 8 kHz inside, whatever it is given; 24 kHz it does not take at all. */
const createDecimator = () => {
  const history = new Float64Array(taps.length - 1);
  const line = new Float64Array(history.length + frameSamples);
  return (frame: Int16Array, into: Int16Array): void => {
    line.set(history);
    line.set(frame, history.length);
    for (let out = 0; out < frameSamples / 3; out += 1) {
      let sum = 0;
      for (let tap = 0; tap < taps.length; tap += 1) sum += (taps[tap] ?? 0) * (line[out * 3 + tap] ?? 0);
      into[out] = Math.max(-32_768, Math.min(32_767, Math.round(sum)));
    }
    history.set(line.subarray(frameSamples));
  };
};

const quietestDbfs = -75;
const riseDbPerFrame = 0.12;
const standOutDb = 14;
/** Sound that is not like speech must be so much louder than speech at its quietest: rooms hum. */
const soundOverSpeechDb = 15;

/** `threshold` 0..1 as the API has it: how sure the WebRTC detector must be, and how loud speech must be at least. */
export const sensitivity = (threshold: number): { mode: 0 | 1 | 2 | 3; floorDbfs: number } => ({
  mode: threshold < 0.3 ? 0 : threshold < 0.6 ? 1 : threshold < 0.8 ? 2 : 3,
  floorDbfs: -50 + (threshold - 0.5) * 40,
});

/**
 * WebRTC's detector beside a level detector with a slow noise floor: the first knows speech among noises, the second also
 * takes what only sounds like a signal (chirps and tones of tests, which the first may learn as noise).
 */
class FvadDetector implements VoiceDetector {
  readonly #fvad: FvadModule;
  readonly #handle: number;
  readonly #memory: number;
  readonly #decimate = createDecimator();
  readonly #narrow = new Int16Array(frameSamples / 3);
  #noiseDbfs: number | undefined;
  #floorDbfs = quietestDbfs;

  constructor(fvad: FvadModule) {
    this.#fvad = fvad;
    this.#handle = fvad._fvad_new();
    this.#memory = fvad._malloc(this.#narrow.byteLength);
    fvad._fvad_set_sample_rate(this.#handle, 8_000);
    this.setThreshold(0.5);
  }

  setThreshold(threshold: number): void {
    const { mode, floorDbfs } = sensitivity(threshold);
    this.#fvad._fvad_set_mode(this.#handle, mode);
    this.#floorDbfs = floorDbfs;
  }

  isVoiced(frame: Int16Array): boolean {
    this.#decimate(frame, this.#narrow);
    // Looked up each time: the view is replaced when the module's memory grows.
    this.#fvad.HEAP16.set(this.#narrow, this.#memory / 2);
    const isSpeechLike = this.#fvad._fvad_process(this.#handle, this.#memory, this.#narrow.length) === 1;
    const level = levelDbfs(frame);
    const noise = this.#noiseDbfs ?? level;
    this.#noiseDbfs = Math.max(quietestDbfs, Math.min(level, noise + riseDbPerFrame));
    if (isSpeechLike) return level > this.#floorDbfs;
    return level > Math.max(noise + standOutDb, this.#floorDbfs + soundOverSpeechDb);
  }

  close(): void {
    this.#fvad._free(this.#memory);
    this.#fvad._fvad_free(this.#handle);
  }
}

/** Loads the detector's WebAssembly once; detectors are cheap from then on. */
export const loadVoiceDetection = async (): Promise<() => VoiceDetector> => {
  const fvad = await loadFvad();
  return () => new FvadDetector(fvad);
};

/** Where a speaker is, on the sample clock of all audio received. */
export interface SpeechState {
  isSpeaking: boolean;
  /** Which of the latest frames were voiced, oldest first. */
  recent: readonly boolean[];
  /** End of the last voiced frame. */
  lastVoicedEnd: number;
}

export type SpeechChange =
  | { type: "started" /** Start of the first voiced frame. */; atSample: number }
  | { type: "stopped" /** End of speech and of the silence that told it. */; atSample: number };

export const silentState: SpeechState = { isSpeaking: false, recent: [], lastVoicedEnd: 0 };

const onsetWindowFrames = 6;
const onsetVoicedFrames = 4;

/** One more frame, which ends at `endSample`. Speech starts with 80 ms of voice within 120 ms and stops after `silenceMs` without. */
export const stepSpeech = (
  state: SpeechState,
  frame: { isVoiced: boolean; endSample: number },
  silenceMs: number,
): { state: SpeechState; change?: SpeechChange } => {
  const lastVoicedEnd = frame.isVoiced ? frame.endSample : state.lastVoicedEnd;
  if (state.isSpeaking) {
    const silentSamples = frame.endSample - lastVoicedEnd;
    if (frame.isVoiced || silentSamples < silenceMs * 24) return { state: { ...state, lastVoicedEnd } };
    return { state: { ...silentState, lastVoicedEnd }, change: { type: "stopped", atSample: frame.endSample } };
  }
  const recent = [...state.recent, frame.isVoiced].slice(-onsetWindowFrames);
  if (recent.filter(Boolean).length < onsetVoicedFrames) return { state: { isSpeaking: false, recent, lastVoicedEnd } };
  const framesSinceOnset = recent.length - recent.indexOf(true);
  return {
    state: { isSpeaking: true, recent: [], lastVoicedEnd },
    change: { type: "started", atSample: frame.endSample - framesSinceOnset * frameSamples },
  };
};

const longestPatienceMs = { high: 2_000, medium: 4_000, auto: 4_000, low: 8_000 };

/**
 * How much silence ends a turn. The service's semantic detector judges whether a sentence is finished and waits at most
 * 2, 4 or 8 s if it is not; here nobody judges, so a fifth of that stands for "it was finished".
 */
export const hangOverMs = (detection: ServerVad | SemanticVad): number =>
  detection.type === "server_vad" ? detection.silence_duration_ms : longestPatienceMs[detection.eagerness] / 5;

export const prefixMs = (detection: ServerVad | SemanticVad): number =>
  detection.type === "server_vad" ? detection.prefix_padding_ms : 300;
