import type { EventLog } from "../event-log.ts";
import type { Mind, Voicebox } from "./mind.ts";
import type { FaultPlan, Settings } from "./settings.ts";
import type { VoiceDetector } from "./vad.ts";

/** The client's end of the line. `terminate` is what a broken network looks like: no closing handshake. */
export interface SessionSocket {
  send(text: string): void;
  close(code: number, reason: string): void;
  terminate(): void;
}

/** What a session is made of; `settings` and `faults` are read whenever they are needed. */
export interface SessionParts {
  socket: SessionSocket;
  model: string;
  log: EventLog;
  mind: Mind;
  voicebox: Voicebox;
  settings: Settings;
  faults: FaultPlan;
  detector: VoiceDetector;
  maxRecordedMs: number;
}
