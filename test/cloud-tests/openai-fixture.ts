import { once } from "node:events";
import { OpenAI } from "openai";
import { OpenAIRealtimeWS } from "openai/realtime/ws";
import type { RealtimeClientEvent } from "openai/resources/realtime/realtime";
import { onTestFinished } from "vitest";
import { withDeadline } from "../../bridge-task/deadline.ts";
import { createCertificates } from "../cloud/certificate.ts";
import { EventLog } from "../cloud/event-log.ts";
import { type OpenAiCloud, type OpenAiCloudOptions, startOpenAiCloud, type Voicebox } from "../cloud/openai/index.ts";

export const apiKey = "sk-test";
const waitMs = 5_000;

export interface TestCloud extends OpenAiCloud {
  log: EventLog;
  caPem: string;
}

/** A Realtime server for one test, closed with it. Audio comes as fast as it can unless `paceFactor` says otherwise. */
export const startCloud = async (options: Partial<OpenAiCloudOptions> = {}): Promise<TestCloud> => {
  const log = new EventLog();
  const { caPem, keyPem, certPem } = await createCertificates();
  const cloud = await startOpenAiCloud({
    log,
    apiKey,
    tls: { key: keyPem, cert: certPem },
    voicebox: toneVoicebox,
    ...options,
    settings: { paceFactor: 1_000, firstAudioMs: 0, ...options.settings },
  });
  onTestFinished(() => cloud.close());
  return { ...cloud, log, caPem };
};

export type Wire = { type: string } & Record<string, unknown>;

/** A server event as the test reads it: any field, by path. */
export const at = (event: unknown, path: string): unknown =>
  path.split(".").reduce<unknown>((value, key) => (value as Record<string, unknown> | null | undefined)?.[key], event);

/** OpenAI's own client over TLS, with everything it was sent, in order. */
export class OfficialClient {
  readonly events: Wire[] = [];
  readonly rt: OpenAIRealtimeWS;
  #arrived = Promise.withResolvers<void>();
  #read = 0;

  constructor(
    cloud: TestCloud,
    { key = apiKey, headers = {} }: { key?: string; headers?: Record<string, string> } = {},
  ) {
    this.rt = new OpenAIRealtimeWS(
      { model: "gpt-realtime-2.1", options: { ca: cloud.caPem, headers } },
      new OpenAI({ apiKey: key, baseURL: cloud.baseUrl }),
    );
    this.rt.on("event", (event) => {
      this.events.push(event as unknown as Wire);
      this.#arrived.resolve();
      this.#arrived = Promise.withResolvers();
    });
    // Errors are events of the test too: without a listener the SDK would reject them into nowhere.
    this.rt.on("error", () => {});
    onTestFinished(() => this.rt.close());
  }

  /** The next event of this type that was not yet waited for; those before it are passed over. */
  async next(type: string): Promise<Wire> {
    const search = async (): Promise<Wire> => {
      for (;;) {
        while (this.#read < this.events.length) {
          const event = this.events[this.#read];
          this.#read += 1;
          if (event?.type === type) return event;
        }
        await this.#arrived.promise;
      }
    };
    return withDeadline(search(), waitMs, `waiting for ${type} after ${this.types().slice(-5)}`);
  }

  send(event: RealtimeClientEvent | Wire): void {
    this.rt.send(event as RealtimeClientEvent);
  }

  hear(...parts: Int16Array[]): void {
    for (const pcm of parts)
      this.send({
        type: "input_audio_buffer.append",
        audio: Buffer.from(pcm.buffer, pcm.byteOffset, pcm.byteLength).toString("base64"),
      });
  }

  say(text: string): void {
    this.send({
      type: "conversation.item.create",
      item: { type: "message", role: "user", content: [{ type: "input_text", text }] },
    });
    this.send({ type: "response.create" });
  }

  types(from = 0): string[] {
    return this.events.slice(from).map(({ type }) => type);
  }

  async closed(): Promise<{ code: number; reason: string }> {
    const [code, reason] = await withDeadline(once(this.rt.socket, "close"), waitMs, "waiting for the close");
    return { code, reason: String(reason) };
  }
}

export const connect = async (cloud: TestCloud, session?: Record<string, unknown>): Promise<OfficialClient> => {
  const client = new OfficialClient(cloud);
  await client.next("session.created");
  if (session) {
    client.send({ type: "session.update", session: { type: "realtime", ...session } });
    await client.next("session.updated");
  }
  return client;
};

const samplesPerMs = 24;

/** A sweep through the telephone band: what the tests use for speech where no words are needed. */
export const chirp = (ms: number): Int16Array =>
  Int16Array.from({ length: ms * samplesPerMs }, (_, sample) => {
    const seconds = sample / 24_000;
    const sweep = 1_550 / (ms / 1_000);
    return Math.round(8_000 * Math.sin(2 * Math.PI * (300 * seconds + sweep * seconds * seconds)));
  });

export const silence = (ms: number): Int16Array => new Int16Array(ms * samplesPerMs);

const charactersPerSecond = 15;

/** Speech-like sound without a synthesiser: syllables of a gliding tone, as long as somebody would need to say the text. */
export const toneVoicebox: Voicebox = {
  speech: async (text) => syllables(text.length / charactersPerSecond),
  signal: (_name, durationMs = 1_000) => syllables(durationMs / 1_000),
};

const syllables = (seconds: number): Int16Array =>
  Int16Array.from({ length: Math.round(seconds * 24_000) }, (_, sample) => {
    const second = sample / 24_000;
    const envelope = 0.5 - 0.5 * Math.cos(2 * Math.PI * 4 * second);
    return Math.round(9_000 * envelope * Math.sin(2 * Math.PI * (600 * second + 60 * Math.sin(2 * Math.PI * second))));
  });
