import { type GetOrCreateCallRequest, type StreamCall as ServerCall, StreamClient } from "@stream-io/node-sdk";
import { FrameClock } from "../../bridge-task/audio/frame-clock.ts";
import { levelDbov } from "../../bridge-task/audio/level.ts";
import { loadOpus } from "../../bridge-task/audio/opus.ts";
import { withDeadline } from "../../bridge-task/deadline.ts";
import { createLogger, type Logger } from "../../bridge-task/log.ts";
import {
  type IncomingAudio,
  StreamCall,
  type StreamCallEvents,
  type StreamTimeouts,
  type StreamUser,
} from "../../bridge-task/stream/stream-call.ts";
import { EventLog } from "../cloud/event-log.ts";
import { type StreamCloud, type StreamCloudOptions, startStreamCloud } from "../cloud/stream/index.ts";

type CallData = NonNullable<GetOrCreateCallRequest["data"]>;

const apiKey = "test-key";
const apiSecret = "test-secret-test-secret-test-secret";
const samplesPerFrame = 480;

/** A call on a local cloud, its participants, and what was logged: all gone after `close`. */
export class Room {
  readonly address: { type: string; id: string };
  readonly cid: string;
  readonly log: EventLog;
  readonly logLines: Record<string, unknown>[] = [];
  readonly client: StreamClient;
  readonly cloud: StreamCloud;
  readonly #calls: StreamCall[] = [];

  private constructor(type: string, log: EventLog, cloud: StreamCloud) {
    this.address = { type, id: "room" };
    this.cid = `${type}:room`;
    this.log = log;
    this.cloud = cloud;
    this.client = new StreamClient(apiKey, apiSecret, { basePath: cloud.serverBaseUrl });
  }

  static async open({
    type = "default",
    ...options
  }: Partial<StreamCloudOptions> & { type?: string } = {}): Promise<Room> {
    const log = new EventLog();
    return new Room(type, log, await startStreamCloud({ log, apiKey, apiSecret, ...options }));
  }

  /** The call, as Stream's own client for servers has it. */
  get call(): ServerCall {
    return this.client.video.call(this.address.type, this.address.id);
  }

  /** The call exists, created by ann, who is its host. */
  async create(data: CallData = {}): Promise<void> {
    const memberIds = data.members?.map(({ user_id }) => user_id) ?? [];
    await this.client.upsertUsers(["ann", ...memberIds].map((id) => ({ id })));
    await this.call.create({ data: { created_by_id: "ann", ...data } });
  }

  get logger(): Logger {
    return createLogger({ level: "debug", write: (line) => this.logLines.push(JSON.parse(line)) });
  }

  async join(user: StreamUser, timeouts: Partial<StreamTimeouts> = {}): Promise<StreamCall> {
    const { client: streamClient, address, logger } = this;
    const call = await StreamCall.join({ streamClient, call: address, user, logger, timeouts });
    this.#calls.push(call);
    return call;
  }

  /** A request to the cloud's control door. */
  async control(path: string, body: object = {}): Promise<void> {
    const response = await this.cloud.control.request(path, { method: "POST", body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
  }

  /** Resolves when the ears of these are connected: what is said before is lost, here as on any SFU. */
  async hearing(...calls: StreamCall[]): Promise<void> {
    const connected = ({ sessionId }: StreamCall) =>
      this.log.waitFor(
        ({ type, data }) => type === "sfu.subscriber_connected" && data.sessionId === sessionId,
        10_000,
        "connected ears",
      );
    await Promise.all(calls.map(connected));
  }

  seen(type: string): Record<string, unknown>[] {
    return this.log
      .since()
      .filter((event) => event.type === type)
      .map(({ data }) => data);
  }

  async close(): Promise<void> {
    await Promise.all(this.#calls.map((call) => call.leave("the test is over")));
    await this.cloud.close();
  }
}

/** The next event of this name that fits; rejects after five seconds. */
export const next = <Name extends keyof StreamCallEvents>(
  call: StreamCall,
  name: Name,
  fits: (...args: StreamCallEvents[Name]) => boolean = () => true,
): Promise<StreamCallEvents[Name][0]> => {
  const { promise, resolve } = Promise.withResolvers<StreamCallEvents[Name][0]>();
  const off = call.on(name, (...args) => {
    if (fits(...args)) resolve(args[0]);
  });
  return withDeadline(promise, 5_000, `the event ${name}`).finally(off);
};

/** Says `pcm` (24 kHz mono) in real time and resolves when its last frame is out. */
export const say = async (call: StreamCall, pcm: Int16Array): Promise<void> => {
  const encoder = (await loadOpus()).createEncoder();
  const { promise: said, resolve } = Promise.withResolvers<void>();
  let at = 0;
  const clock = new FrameClock({
    onFrame: () => {
      if (at >= pcm.length) return resolve();
      const frame = new Int16Array(samplesPerFrame);
      frame.set(pcm.subarray(at, at + samplesPerFrame));
      at += samplesPerFrame;
      call.sendAudio({ opus: encoder.encode(frame), levelDbov: levelDbov(frame), voiced: true });
    },
  });
  clock.start();
  await said;
  clock.stop();
  encoder.close();
};

/** Keeps every packet that arrives; `pcm` decodes them in sequence. */
export const listen = (call: StreamCall): { packets: IncomingAudio[]; pcm: () => Promise<Int16Array> } => {
  const packets: IncomingAudio[] = [];
  call.on("audio", (packet) => packets.push(packet));
  const pcm = async () => {
    const decoder = (await loadOpus()).createDecoder();
    const ordered = [...packets].sort((one, other) => one.timestamp - other.timestamp);
    const parts = ordered.map(({ payload }) => decoder.decode(payload));
    decoder.close();
    return Int16Array.from(parts.flatMap((part) => [...part]));
  };
  return { packets, pcm };
};
