import { type Call, StreamVideoClient, type StreamVideoParticipant } from "@stream-io/video-client";
import type { AgentEvent } from "../../../bridge-task/in-call/events.ts";
import type { Invitation } from "./invitation.ts";
import { Mouth } from "./mouth.ts";
import { type Level, meter, type OnLevel, prepareMeters } from "./sound-meter.ts";

export interface Attendant {
  sessionId: string;
  userId: string;
  name: string;
  isSelf: boolean;
  isSpeaking: boolean;
}

export interface VisitEvents {
  people: (people: readonly Attendant[]) => void;
  /** What this person says, microphone and typed lines alike. */
  ownLevel: OnLevel;
  /** The loudness of somebody else, by user. */
  levelOf: (userId: string, level: Level) => void;
  /** What the agent tells people in the call. */
  told: (event: AgentEvent) => void;
  /** The microphone went away by itself: unplugged, or its permission was taken back. */
  microphoneLost: () => void;
  /** The call is over for this person, by their leaving or otherwise. */
  left: () => void;
}

/** Other custom events of a call are the application's own. */
const isAgentEvent = (custom: Record<string, unknown>): custom is Record<string, unknown> & AgentEvent =>
  typeof custom.type === "string" && custom.type.startsWith("agent.") && typeof custom.agent === "string";

const describe = (participant: StreamVideoParticipant): Attendant => ({
  sessionId: participant.sessionId,
  userId: participant.userId,
  name: participant.name || participant.userId,
  isSelf: participant.isLocalParticipant === true,
  isSpeaking: participant.isSpeaking,
});

/** One person in one call, by Stream's own SDK. What they say comes from a `Mouth`, which the SDK takes for a microphone. */
export class Visit {
  readonly #client: StreamVideoClient;
  readonly #call: Call;
  readonly #context: AudioContext;
  readonly #mouth: Mouth;
  readonly #events: VisitEvents;
  readonly #mayMute: boolean;
  /** Session id → what ends listening to that participant. */
  readonly #heard = new Map<string, { stream: MediaStream; stop: () => void }>();
  #saying = 0;
  #settling: Promise<void> = Promise.resolve();
  #leaving: Promise<void> | undefined;

  /** `silent`: without a microphone until one is opened; only typed lines are said. Must follow a click, or nothing sounds. */
  static async join(invitation: Invitation, events: VisitEvents, options: { silent: boolean }): Promise<Visit> {
    const context = new AudioContext();
    try {
      await prepareMeters(context);
      const visit = new Visit(invitation, events, context, options.silent);
      await visit.#enter();
      return visit;
    } catch (error) {
      await context.close();
      throw error;
    }
  }

  private constructor({ stream, call, user }: Invitation, events: VisitEvents, context: AudioContext, silent: boolean) {
    this.#events = events;
    this.#context = context;
    this.#mayMute = !silent;
    this.#mouth = new Mouth(context, events.ownLevel);
    this.#client = new StreamVideoClient({
      apiKey: stream.apiKey,
      user: { id: user.id, name: user.name },
      token: user.token,
      options: {
        ...(stream.baseUrl === undefined ? {} : { baseURL: stream.baseUrl }),
        ...(stream.locationHintUrl === undefined ? {} : { locationHintUrl: stream.locationHintUrl }),
        clientEventsReportingEnabled: false,
        devicePersistence: { enabled: false },
      },
    });
    this.#call = this.#client.call(call.type, call.id);
  }

  get microphoneOpen(): boolean {
    return this.#mouth.microphoneOpen;
  }

  async #enter(): Promise<void> {
    const { microphone, state } = this.#call;
    // Both would open the real microphone, which typing must not need.
    microphone.setSilenceThreshold(0);
    await microphone.disableSpeakingWhileMutedNotification();
    const { deviceId } = microphone.registerVirtualDevice({
      label: "Microphone and typed lines",
      getUserMedia: () => this.#mouth.stream(),
    });
    await microphone.select(deviceId);
    await microphone.enable();
    // Before joining: the agent says its state again as soon as it sees somebody come.
    this.#call.on("custom", ({ custom, user }) => {
      // Others may send custom events, too, and shall not speak as the agent.
      if (isAgentEvent(custom) && custom.agent === user.id) this.#events.told(custom);
    });
    await this.#call.join();
    state.participants$.subscribe((participants) => this.#attend(participants));
    state.callingState$.subscribe((callingState) => {
      if (callingState === "left") void this.leave();
    });
  }

  #attend(participants: readonly StreamVideoParticipant[]): void {
    this.#events.people(participants.map(describe));
    for (const { sessionId, userId, isLocalParticipant, audioStream } of participants) {
      if (isLocalParticipant || !audioStream || this.#heard.get(sessionId)?.stream === audioStream) continue;
      this.#heard.get(sessionId)?.stop();
      this.#heard.set(sessionId, { stream: audioStream, stop: this.#hear(sessionId, userId, audioStream) });
    }
    for (const [sessionId, { stop }] of this.#heard) {
      if (participants.some((participant) => participant.sessionId === sessionId && participant.audioStream)) continue;
      stop();
      this.#heard.delete(sessionId);
    }
  }

  #hear(sessionId: string, userId: string, stream: MediaStream): () => void {
    const element = new Audio();
    const unbind = this.#call.bindAudioElement(element, sessionId);
    const source = new MediaStreamAudioSourceNode(this.#context, { mediaStream: stream });
    const stopMeter = meter(this.#context, source, (level) => this.#events.levelOf(userId, level));
    return () => {
      stopMeter();
      unbind?.();
    };
  }

  /** Rejects with getUserMedia's DOMException where there is no microphone or no permission. */
  async openMicrophone(): Promise<void> {
    await this.#mouth.openMicrophone(() => {
      void this.#settle();
      this.#events.microphoneLost();
    });
    await this.#settle();
  }

  async mute(): Promise<void> {
    this.#mouth.closeMicrophone();
    await this.#settle();
  }

  /** Says recorded speech into the call; resolves when it has been said. */
  async say(recording: ArrayBuffer): Promise<void> {
    this.#saying += 1;
    try {
      await this.#settle();
      await this.#mouth.say(recording);
    } finally {
      this.#saying -= 1;
      await this.#settle();
    }
  }

  /** Asks without a sound: the agent answers what comes so. */
  async ask(text: string): Promise<void> {
    await this.#call.sendCustomEvent({ type: "question", text });
  }

  /** Publishes while there is something to say, one change after the other; who joined to type is never shown as muted. */
  #settle(): Promise<void> {
    const settling = this.#settling.then(async () => {
      if (this.#leaving) return;
      const { microphone } = this.#call;
      if (this.#mouth.microphoneOpen || this.#saying > 0 || !this.#mayMute) await microphone.enable();
      else await microphone.disable();
    });
    // The caller gets the failure; the next change must run all the same.
    this.#settling = settling.catch(() => undefined);
    return settling;
  }

  /** Idempotent. */
  leave(): Promise<void> {
    this.#leaving ??= this.#close();
    return this.#leaving;
  }

  async #close(): Promise<void> {
    for (const { stop } of this.#heard.values()) stop();
    this.#heard.clear();
    if (this.#call.state.callingState !== "left") await this.#call.leave();
    // After the call: leaving it ends the stream that the mouth gave.
    this.#mouth.close();
    await this.#client.disconnectUser();
    await this.#context.close();
    this.#events.left();
  }
}
