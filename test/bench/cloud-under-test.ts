import { randomUUID } from "node:crypto";
import { StreamClient } from "@stream-io/node-sdk";
import { userId as agentUserId } from "../../bridge-task/agents/lucy/joins.ts";
import { loadOpus } from "../../bridge-task/audio/opus.ts";
import { Person } from "../caller/person.ts";
import type { Cloud } from "../cloud/index.ts";
import type { RecordedPacket } from "../cloud/stream/sfu/recording.ts";
import { dbfsOf } from "../support/dbfs.ts";

export { agentUserId };

/** What a benchmark tells while it runs. */
export type Progress = (text: string) => void;

export interface DecodedPacket {
  arrivalMs: number;
  pcm: Int16Array;
  /** Level of the decoded sound: what the sender claims in the header does not count. */
  dbfs: number;
}

/** Packets as they reached the SFU, decoded in order. No packet is lost on loopback; a duplicate would show as one more. */
export const decodePackets = async (packets: readonly RecordedPacket[]): Promise<DecodedPacket[]> => {
  const decoder = (await loadOpus()).createDecoder();
  try {
    return packets.map(({ arrivalMs, payload }) => {
      const pcm = decoder.decode(payload);
      return { arrivalMs, pcm, dbfs: dbfsOf(pcm) };
    });
  } finally {
    decoder.close();
  }
};

/** A call of its own in the cloud, with one person in it. */
export class BenchCall {
  readonly call = { type: "default", id: `bench-${randomUUID().slice(0, 8)}` };
  readonly cid = `default:${this.call.id}`;
  readonly cloud: Cloud;

  constructor(cloud: Cloud) {
    this.cloud = cloud;
  }

  join(userId = "caller"): Promise<Person> {
    return Person.join({ info: this.cloud.info, call: this.call, userId });
  }

  /** The task that was launched for this call. */
  async taskId(timeoutMs: number): Promise<string> {
    const { data } = await this.cloud.log.waitFor(
      ({ type, data }) => type === "task.pending" && data.startedBy === `default/${this.call.id}`,
      timeoutMs,
      `the task of ${this.cid}`,
    );
    return String(data.taskId);
  }

  /** What this user has sent so far, as it reached the SFU. */
  packetsOf(userId: string): readonly RecordedPacket[] {
    return this.cloud.stream.sfu.recordings(this.cid).find((recording) => recording.userId === userId)?.packets ?? [];
  }

  /** Ends the call for everybody and waits for the end of the task. */
  async end(timeoutMs: number): Promise<void> {
    const { streamApiKey, streamApiSecret, streamServerBaseUrl } = this.cloud.info;
    const client = new StreamClient(streamApiKey, streamApiSecret, { basePath: streamServerBaseUrl });
    await client.video.call("default", this.call.id).end();
    const taskId = await this.taskId(timeoutMs);
    await this.cloud.log.waitFor(
      ({ type, data }) => type === "task.stopped" && data.taskId === taskId,
      timeoutMs,
      `the end of the task of ${this.cid}`,
    );
  }
}
