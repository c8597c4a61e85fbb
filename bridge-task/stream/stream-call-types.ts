import type { StreamClient } from "@stream-io/node-sdk";
import type { BridgeError } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { IncomingAudio } from "./audio-router.ts";
import type { CallEvent } from "./call-events.ts";
import type { Participant } from "./participants.ts";
import type { StreamTimeouts } from "./timeouts.ts";
import type { StreamUser } from "./user.ts";
import type { LeaveCause } from "./verdict.ts";

export interface StreamCallOptions {
  streamClient: StreamClient;
  call: { type: string; id: string };
  /** Created if absent. Of an existing user only the fields stated here change. */
  user: StreamUser;
  /** How long each call token is valid; one is minted per join. Default: an hour. */
  validityInSeconds?: number;
  logger: Logger;
  timeouts?: Partial<StreamTimeouts>;
  /** Gives the join up; afterwards it has no effect. */
  signal?: AbortSignal | undefined;
}

export interface StreamCallEvents {
  /** Not sent for those who were there when `join` resolved: see `participants()`. */
  participantJoined: [Participant];
  participantUpdated: [Participant];
  participantLeft: [Participant];
  /** A packet of somebody's microphone, as it came off the wire. Up to two seconds before the first listener are kept. */
  audio: [IncomingAudio];
  /** `level` is 0 to 1. */
  speaking: [{ sessionId: string; userId: string; isSpeaking: boolean; level: number }];
  dominantSpeaker: [{ sessionId: string; userId: string }];
  /** Somebody with the right to it silenced us, or allowed us to speak again. */
  publishing: [{ isPublishing: boolean }];
  /**
   * What Stream tells of the call; `call.ended`, where it ended, before `closed`. Who comes and who goes is told once each:
   * not the coming of those who were there when we came, and of ourselves nothing. What happens before the first listener
   * is kept for it.
   */
  callEvent: [CallEvent];
  /** Exactly once, after everything is closed. `error` where something failed. */
  closed: [{ cause: LeaveCause; detail: string; error?: BridgeError }];
}
