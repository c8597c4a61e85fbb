import type { EventLog } from "../../event-log.ts";
import type { AppSettings } from "./app.ts";
import type { CallTypes } from "./call-types.ts";
import type { CallDirectory, CallRecord } from "./calls.ts";
import type { EventHub } from "./hub.ts";
import type { CallSessions } from "./sessions.ts";
import type { CoordinatorSocketFaults } from "./socket-faults.ts";
import type { UserDirectory } from "./users.ts";
import type { Webhooks } from "./webhooks.ts";

/** Why the SFU ends a participant's call, as CallEndedReason names it. */
export type SfuEndReason = "ended" | "live_ended" | "kicked" | "session_ended";

export interface SfuCredentials {
  server: { edge_name: string; url: string; ws_endpoint: string };
  token: string;
  ice_servers: { urls: string[]; username: string; password: string }[];
}

/** What the coordinator asks of the SFU. */
export interface SfuDoor {
  issue(cid: string, userId: string, avoidEdges: readonly string[]): SfuCredentials;
  endCall(cid: string, reason: SfuEndReason): void;
  endLive(cid: string, isExempt: (userId: string) => boolean): void;
  removeUser(cid: string, userId: string): void;
  /** Mutes the microphones of these users (everybody's where `userIds` is undefined, but `exceptUserId`'s). */
  mute(cid: string, userIds: readonly string[] | undefined, exceptUserId?: string): string[];
  grantsChanged(cid: string, userId: string): void;
}

/** Everything the coordinator's routes and sockets share. */
export interface Coordinator {
  apiKey: string;
  apiSecret: string;
  inactivityTimeoutSeconds: number;
  log: EventLog;
  users: UserDirectory;
  calls: CallDirectory;
  sessions: CallSessions;
  hub: EventHub;
  webhooks: Webhooks;
  app: AppSettings;
  callTypes: CallTypes;
  sfu: SfuDoor;
  socketFaults: CoordinatorSocketFaults;
  /** Fault: requests that are refused although nothing is wrong with them. */
  restFaults: RestFault[];
}

/** The next `count` requests whose path ends in `pathEnd` get this error instead of their answer. */
export interface RestFault {
  pathEnd: string;
  status: number;
  code: number;
  count: number;
}

export const memberIds = (call: CallRecord): string[] => [...call.members.keys()];
