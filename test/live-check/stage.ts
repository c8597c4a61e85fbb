import { randomBytes } from "node:crypto";
import { StreamClient } from "@stream-io/node-sdk";
import { messageOf } from "../../bridge-task/errors.ts";
import { silentLogger } from "../../bridge-task/log.ts";
import { Coordinator } from "../../bridge-task/stream/coordinator.ts";
import type { LiveKeys } from "../live/keys.ts";
import type { Observations } from "./observations.ts";
import type { WireTap } from "./wire-tap.ts";

export const callType = "default";
const requestTimeoutMs = 10_000;

/** What a run works with: clients, names of its own, and what it has made, to be taken away again. */
export class Stage {
  readonly keys: LiveKeys;
  readonly seen: Observations;
  readonly tap: WireTap;
  readonly client: StreamClient;
  readonly names: NonNullable<Observations["noted"]["names"]>;
  readonly logger = silentLogger;
  /** Ids of calls and users that this run has made. */
  readonly madeCalls = new Set<string>();
  readonly madeUsers = new Set<string>();

  constructor(keys: LiveKeys, seen: Observations, tap: WireTap) {
    this.keys = keys;
    this.seen = seen;
    this.tap = tap;
    const name = `live-check-${randomBytes(4).toString("hex")}`;
    this.names = {
      call: name,
      app: `${name}-app`,
      agent: `${name}-agent`,
      caller: `${name}-caller`,
      guest: `${name}-guest`,
    };
    seen.noted.names = this.names;
    const base = keys.streamBaseUrl ? { basePath: keys.streamBaseUrl } : {};
    this.client = new StreamClient(keys.streamApiKey, keys.streamApiSecret, { ...base, timeout: requestTimeoutMs });
  }

  call(id: string = this.names.call) {
    return this.client.video.call(callType, id);
  }

  /** The bridge's own way to Stream, as this user. */
  coordinator(userId: string, callId: string = this.names.call): Coordinator {
    const call = { type: callType, id: callId };
    return new Coordinator({ streamClient: this.client, call, user: { id: userId }, requestTimeoutMs });
  }

  /** Agents of a deployment stay away: the call belongs to a stage that there is none of. */
  get custom(): Record<string, unknown> {
    return { agentStage: this.names.call };
  }

  /** Where clients' requests go. */
  get videoUrl(): string {
    return this.client.video.apiClient.apiConfig.baseUrl;
  }

  /** Deletes for good what was made here, and nothing else. Resolves with what is left behind and why. Never rejects. */
  async cleanUp(): Promise<string[]> {
    const left: string[] = [];
    for (const id of this.madeCalls) {
      await this.call(id)
        .delete({ hard: true })
        .catch((error: unknown) => left.push(`call ${callType}:${id} (${messageOf(error)})`));
    }
    const users = [...this.madeUsers];
    if (users.length > 0) {
      await this.client
        // Deleting a user for good asks for both of the others; these users wrote nothing.
        .deleteUsers({ user_ids: users, user: "hard", conversations: "hard", messages: "hard" })
        .catch((error: unknown) => left.push(...users.map((id) => `user ${id} (${messageOf(error)})`)));
    }
    return left;
  }
}
