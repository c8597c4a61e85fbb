import { StreamClient } from "@stream-io/node-sdk";
import { FrameClock } from "../../bridge-task/audio/frame-clock.ts";
import { levelDbov } from "../../bridge-task/audio/level.ts";
import { loadOpus, type OpusEncoder } from "../../bridge-task/audio/opus.ts";
import { messageOf } from "../../bridge-task/errors.ts";
import type { AgentEvent } from "../../bridge-task/in-call/events.ts";
import { type Logger, silentLogger } from "../../bridge-task/log.ts";
import { type Participant, StreamCall } from "../../bridge-task/stream/stream-call.ts";
import { epochMs } from "../cloud/event-log.ts";
import type { CloudInfo } from "../cloud/index.ts";
import { Ear, type HeardFrame, isVoice } from "./ear.ts";
import { Mouth, type Said } from "./mouth.ts";
import { Recording } from "./recording.ts";

export interface PersonOptions {
  /** Without `streamServerBaseUrl`: Stream's own servers. */
  info: Pick<CloudInfo, "streamApiKey" | "streamApiSecret"> & Partial<Pick<CloudInfo, "streamServerBaseUrl">>;
  call: { type: string; id: string };
  userId: string;
  name?: string;
  logger?: Logger;
  /** How much of what is said and heard is kept. Default 180. */
  keepSeconds?: number;
}

const heldUpMs = 200;
/** What agents told is kept for so many events. */
const keptEvents = 1_000;

/** Other custom events of a call are the application's own. */
const isAgentEvent = (custom: Record<string, unknown>): boolean =>
  typeof custom.type === "string" && custom.type.startsWith("agent.");

interface Watcher {
  check: () => boolean;
}

/**
 * A person in a call, without a browser: another user of the call who speaks in real time and records what arrives.
 * Times are Unix epoch milliseconds, audio is 24 kHz mono.
 *
 *     const ann = await Person.join({ info: cloud.info, call: { type: "default", id: "1" }, userId: "ann" });
 *     await ann.hears(isVoice, 5_000, "the greeting");
 *     await ann.say(await speak("What is the weather?"));
 */
export class Person {
  readonly userId: string;
  readonly #streamCall: StreamCall;
  readonly #encoder: OpusEncoder;
  readonly #ear: Ear;
  readonly #mouth = new Mouth();
  readonly #said: Recording;
  readonly #clock: FrameClock;
  readonly #watchers = new Set<Watcher>();
  readonly #frameWatchers = new Set<(frame: HeardFrame) => void>();
  #told: AgentEvent[] = [];
  #saidUpTo = 0;
  #muted = false;
  #closed: string | undefined;

  static async join(options: PersonOptions): Promise<Person> {
    const { streamApiKey, streamApiSecret, streamServerBaseUrl } = options.info;
    const opus = await loadOpus();
    const base = streamServerBaseUrl ? { basePath: streamServerBaseUrl } : {};
    const streamCall = await StreamCall.join({
      streamClient: new StreamClient(streamApiKey, streamApiSecret, { ...base, timeout: 10_000 }),
      call: options.call,
      user: { id: options.userId, name: options.name ?? options.userId },
      logger: options.logger ?? silentLogger,
    });
    const ear = new Ear({ opus, startedAtMs: epochMs(), maxSeconds: options.keepSeconds ?? 180 });
    return new Person(options, streamCall, ear, opus.createEncoder());
  }

  private constructor(options: PersonOptions, streamCall: StreamCall, ear: Ear, encoder: OpusEncoder) {
    this.userId = options.userId;
    this.#streamCall = streamCall;
    this.#ear = ear;
    this.#encoder = encoder;
    this.#said = new Recording(ear.recording.startedAtMs, options.keepSeconds ?? 180);
    streamCall.on("audio", (audio) => {
      if (this.#closed) return;
      const frame = this.#ear.push(audio, epochMs());
      if (frame) for (const watch of [...this.#frameWatchers]) watch(frame);
    });
    streamCall.on("callEvent", (event) => {
      if (event.type !== "custom" || !isAgentEvent(event.custom)) return;
      this.#told = [...this.#told, event.custom as unknown as AgentEvent].slice(-keptEvents);
    });
    streamCall.on("participantLeft", (participant) => this.#ear.remove(participant.sessionId));
    streamCall.on("closed", ({ cause, detail }) =>
      this.#close(`${this.userId} is out of the call: ${cause}, ${detail}`),
    );
    this.#clock = new FrameClock({ onFrame: () => this.#frame() });
    this.#clock.start();
  }

  get sessionId(): string {
    return this.#streamCall.sessionId;
  }

  get startedAtMs(): number {
    return this.#ear.recording.startedAtMs;
  }

  participants(): Participant[] {
    return this.#streamCall.participants();
  }

  /** What agents have told people in the call by custom events, oldest first. */
  get told(): readonly AgentEvent[] {
    return this.#told;
  }

  /** Why this person is no longer in the call; undefined while they are. */
  get outOfCall(): string | undefined {
    return this.#closed;
  }

  /** Speaks in real time, after what is being said already. Resolves when the last packet is sent. */
  async say(pcm: Int16Array, options: { afterMs?: number } = {}): Promise<Said> {
    if (this.#closed) throw new Error(this.#closed);
    const { afterMs = 0 } = options;
    if (afterMs > 0) await this.#mouth.say(new Int16Array(Math.ceil(afterMs / 20) * 480));
    return this.#mouth.say(pcm);
  }

  /** Everything received from others in `[fromMs, toMs)`; by default from joining on. */
  heard(fromMs?: number, toMs?: number): Int16Array {
    return this.#ear.recording.read(fromMs, toMs);
  }

  /** What this person said, on the same timeline as `heard()`. */
  said(fromMs?: number, toMs?: number): Int16Array {
    return this.#said.read(fromMs, toMs);
  }

  /** The packets behind `heard()`, by arrival. */
  frames(sinceMs?: number): HeardFrame[] {
    return this.#ear.frames(sinceMs);
  }

  /** The first frame that matches and arrived since `sinceMs` (default: from now on). */
  hears(
    match: (frame: HeardFrame) => boolean,
    timeoutMs: number,
    what: string,
    sinceMs = Number.POSITIVE_INFINITY,
  ): Promise<HeardFrame> {
    const known = this.#ear.frames(sinceMs).find(match);
    if (known) return Promise.resolve(known);
    let found: HeardFrame | undefined;
    const watch = (frame: HeardFrame) => {
      if (!found && match(frame)) found = frame;
    };
    this.#frameWatchers.add(watch);
    return this.until(() => found, timeoutMs, what).finally(() => this.#frameWatchers.delete(watch));
  }

  /** Waits until no voice arrived for `quietMs` and returns the last frame with voice, if there ever was one. */
  async hearsSilence(quietMs: number, timeoutMs: number, what = "silence"): Promise<HeardFrame | undefined> {
    const fromMs = epochMs();
    await this.until(
      () => (epochMs() - Math.max(fromMs, this.#ear.lastVoice?.atMs ?? 0) >= quietMs ? true : undefined),
      timeoutMs,
      what,
    );
    return this.#ear.lastVoice;
  }

  /** Checks every 20 ms; resolves with the first result that is not undefined. Rejects at the deadline or when out of the call. */
  until<T>(check: () => T | undefined, timeoutMs: number, what: string): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const deadlineMs = epochMs() + timeoutMs;
    const watcher: Watcher = {
      check: () => {
        const result = check();
        if (result !== undefined) resolve(result);
        else if (this.#closed) reject(new Error(`${this.userId} waited for ${what}, but ${this.#closed}`));
        else if (epochMs() > deadlineMs) {
          reject(new Error(`${this.userId} waited for ${what}: not within ${timeoutMs} ms`));
        } else return false;
        return true;
      },
    };
    if (!watcher.check()) this.#watchers.add(watcher);
    return promise;
  }

  /** No packets, like a browser whose microphone is off. The SFU is not told, so others still count the track. */
  mute(): void {
    this.#muted = true;
  }

  unmute(): void {
    this.#muted = false;
  }

  async leave(): Promise<void> {
    await this.#streamCall.leave("the person hangs up");
    this.#close(`${this.userId} left`);
  }

  #frame(): void {
    if (!this.#muted) this.#send();
    for (const watcher of [...this.#watchers]) if (watcher.check()) this.#watchers.delete(watcher);
  }

  #send(): void {
    const { pcm, voiced, done } = this.#mouth.nextFrame();
    this.#record(pcm);
    try {
      this.#streamCall.sendAudio({ opus: this.#encoder.encode(pcm), levelDbov: levelDbov(pcm), voiced });
      done();
    } catch (error) {
      this.#close(`${this.userId} cannot send: ${messageOf(error)}`);
    }
  }

  /** The clock's frames jitter, what was said does not: frames stand back to back unless the clock was held up or muted. */
  #record(pcm: Int16Array): void {
    const now = this.#said.sampleAt(epochMs());
    const sample = Math.abs(now - this.#saidUpTo) > heldUpMs * 24 ? now : this.#saidUpTo;
    this.#said.write(sample, pcm);
    this.#saidUpTo = sample + pcm.length;
  }

  #close(reason: string): void {
    if (this.#closed) return;
    this.#closed = reason;
    this.#clock.stop();
    this.#mouth.close(reason);
    this.#ear.close();
    this.#encoder.close();
    for (const watcher of this.#watchers) watcher.check();
    this.#watchers.clear();
  }
}

export { type HeardFrame, isVoice };
