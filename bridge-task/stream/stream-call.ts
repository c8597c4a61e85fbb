import { randomUUID } from "node:crypto";
import { SafeEmitter } from "../emitter.ts";
import { messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { OutgoingAudio } from "./audio-packetizer.ts";
import { AudioRouter } from "./audio-router.ts";
import { CallEventFeed } from "./call-event-feed.ts";
import { Coordinator } from "./coordinator.ts";
import { enter } from "./enter.ts";
import { SfuError } from "./errors.ts";
import type { CallJoin } from "./join-response.ts";
import { type Participant, Participants } from "./participants.ts";
import { voiceAllowedBy } from "./permission.ts";
import { type PreparedMedia, SfuConnection } from "./sfu-connection.ts";
import type { SfuEventPayload } from "./sfu-events.ts";
import type { StreamCallEvents, StreamCallOptions } from "./stream-call-types.ts";
import { defaultTimeouts, type StreamTimeouts } from "./timeouts.ts";
import type { Verdict } from "./verdict.ts";

type StayState =
  /** On the way in; `join` has not resolved. */
  | { name: "joining" }
  /** In the call. */
  | { name: "joined"; connection: SfuConnection }
  /** On the way out. */
  | { name: "leaving"; done: Promise<void> }
  /** Everything is closed; `closed` was emitted. */
  | { name: "closed" };

/**
 * A participant in a Stream call: hears everybody, speaks with one voice.
 *
 *     const call = await StreamCall.join({ streamClient, call: { type: "default", id: "1" }, user: { id: "lucy" }, logger });
 *     call.on("audio", ({ sessionId, payload }) => decoders.get(sessionId)?.decode(payload));
 *     setInterval(() => call.sendAudio({ opus, levelDbov: 30, voiced: true }), 20);
 */
export class StreamCall {
  readonly call: { type: string; id: string };
  readonly #logger: Logger;
  readonly #timeouts: StreamTimeouts;
  readonly #emitter: SafeEmitter<StreamCallEvents>;
  readonly #router: AudioRouter;
  readonly #feed: CallEventFeed;
  readonly #coordinator: Coordinator;
  /** The first session id; the SFU's records tie later ones to it. */
  readonly #unifiedSessionId = randomUUID();
  #sessionId: string = this.#unifiedSessionId;
  #participants = new Participants(this.#sessionId);
  #state: StayState = { name: "joining" };
  #ended: StreamCallEvents["closed"][0] | undefined;
  /** Passed between the SFU's yes and our taking note of it. */
  #earlyVerdict: Exclude<Verdict, { type: "stay" }> | undefined;
  #isPublishing = true;
  #announcedAtMs = 0;
  /** Connections tried so far. */
  #attempt = 0;

  private constructor(options: StreamCallOptions) {
    const { streamClient, call, user, validityInSeconds, logger, timeouts } = options;
    this.call = { ...call };
    this.#logger = logger.with({ callCid: `${call.type}:${call.id}` });
    this.#timeouts = { ...defaultTimeouts, ...timeouts };
    this.#emitter = new SafeEmitter((event, error) =>
      this.#logger.error("stream_call_listener_failed", { event, error }),
    );
    this.#router = new AudioRouter({
      ownerOf: (prefix) => this.#participants.byTrackPrefix(prefix),
      deliver: (packet) => this.#emitter.emit("audio", packet),
    });
    this.#coordinator = new Coordinator({
      streamClient,
      call,
      user,
      requestTimeoutMs: this.#timeouts.requestMs,
      ...(validityInSeconds === undefined ? {} : { validityInSeconds }),
    });
    this.#feed = new CallEventFeed({
      coordinator: this.#coordinator,
      call,
      timeouts: this.#timeouts,
      logger: this.#logger,
      emit: (event) => this.#emitter.emit("callEvent", event),
      onOver: (over) => this.#obey({ type: "end", ...over }),
    });
  }

  /**
   * Joins the call, which is created if nobody did. Resolves when the SFU has let us in and our voice is connected.
   * Rejects, with nothing left open: with CallRefusedError, and its reason, where the call does not take the user in; else
   * with CoordinatorError, SfuError, TimeoutError or AbortedError.
   */
  static async join(options: StreamCallOptions): Promise<StreamCall> {
    const streamCall = new StreamCall(options);
    await streamCall.#join(options);
    return streamCall;
  }

  /** Ours in this call; new with each connection to an SFU. */
  get sessionId(): string {
    return this.#sessionId;
  }

  /** When the others were told of our voice (performance.now()'s clock): from then on their side negotiates how to hear it. */
  get announcedAtMs(): number {
    return this.#announcedAtMs;
  }

  /** Why we are out of the call, or on the way out; undefined while we are in it. What `closed` tells, for those who come late. */
  get end(): StreamCallEvents["closed"][0] | undefined {
    return this.#ended;
  }

  /** Adds a listener; the result removes it. */
  on<Name extends keyof StreamCallEvents>(
    name: Name,
    listener: (...args: StreamCallEvents[Name]) => unknown,
  ): () => void {
    const off = this.#emitter.on(name, listener);
    if (name === "audio") this.#router.open();
    if (name === "callEvent") this.#feed.listen();
    return off;
  }

  off<Name extends keyof StreamCallEvents>(name: Name, listener: (...args: StreamCallEvents[Name]) => unknown): void {
    this.#emitter.off(name, listener);
  }

  /**
   * Resolves once Stream's events of the call arrive, or when it is clear that they will not for now: after two failed
   * attempts or `timeouts.watchingMs`. Never rejects.
   */
  get watching(): Promise<void> {
    return this.#feed.watching;
  }

  /** Everybody in the call, ourselves included. */
  participants(): Participant[] {
    return this.#participants.list();
  }

  /**
   * Sends one 20 ms Opus frame; to be called every 20 ms, through silence too, so that listeners hear no gap.
   * Dropped while we are not in the call or silenced. `missedFrames`: how many calls did not come before this one (the
   * process stood still); their time passes on the RTP clock, or listeners would hear us that much later from then on.
   */
  sendAudio(frame: OutgoingAudio, missedFrames = 0): void {
    if (this.#state.name === "joined") this.#state.connection.sendAudio(frame, missedFrames);
  }

  /** Leaves. Idempotent; never throws; takes at most a few times `timeouts.leaveStepMs`. `reason` is for the SFU's records. */
  leave(reason: string): Promise<void> {
    return this.#end({ cause: "left", detail: reason }, async (connection) => {
      await connection.hush();
      await connection.leave(reason);
    });
  }

  async #join({ user, signal }: StreamCallOptions): Promise<void> {
    const beganMs = performance.now();
    const connection = await enter({
      coordinator: this.#coordinator,
      logger: this.#logger,
      signal,
      // From here on the agent's user exists: it may open a socket.
      onPrepared: () => this.#feed.open(),
      connection: (join, media) => this.#connection(join, media, user.id),
    }).catch(async (error: unknown) => {
      await this.#feed.close();
      throw error;
    });
    this.#state = { name: "joined", connection };
    this.#announcedAtMs = connection.announcedAtMs;
    this.#logger.info("stream_call_joined", {
      sessionId: this.#sessionId,
      edgeName: connection.edgeName,
      participantCount: this.participants().length,
      tookMs: Math.round(performance.now() - beganMs),
    });
    if (this.#earlyVerdict) this.#obey(this.#earlyVerdict);
  }

  #connection(join: CallJoin, media: PreparedMedia, userId: string): SfuConnection {
    // Each try starts anew, so that nothing of one SFU's answer is taken for the next one's.
    const isFirst = this.#attempt === 0;
    this.#sessionId = isFirst ? this.#unifiedSessionId : randomUUID();
    this.#participants = new Participants(this.#sessionId);
    this.#feed.own(this.#sessionId);
    if (join.call) this.#feed.callIs(join.call);
    const connection: SfuConnection = new SfuConnection({
      join,
      media,
      sessionId: this.#sessionId,
      unifiedSessionId: this.#unifiedSessionId,
      socketQuery: {
        attempt: String(this.#attempt),
        user_id: userId,
        api_key: this.#coordinator.apiKey,
        user_session_id: this.#sessionId,
        cid: this.#coordinator.cid,
      },
      timeouts: this.#timeouts,
      logger: this.#logger,
      onEvent: (event) => this.#onEvent(event, connection),
      onPacket: (streamId, packet) => this.#router.push(streamId, packet),
      onVerdict: (verdict) => this.#obey(verdict),
    });
    this.#attempt += 1;
    return connection;
  }

  #onEvent(event: SfuEventPayload, connection: SfuConnection): void {
    this.#feed.sfuTold(event);
    const changes = this.#participants.apply(event);
    for (const { type, participant } of changes) {
      if (type === "joined") this.#emitter.emit("participantJoined", participant);
      else if (type === "updated") this.#emitter.emit("participantUpdated", participant);
      else this.#emitter.emit("participantLeft", participant);
    }
    if (changes.length > 0) {
      connection.subscribe(this.#participants.audible());
      this.#router.reconcile();
    }
    if (event.case === "audioLevelChanged") {
      for (const { userId, sessionId, isSpeaking, level } of event.value.audioLevels) {
        this.#emitter.emit("speaking", { userId, sessionId, isSpeaking, level });
      }
    } else if (event.case === "dominantSpeakerChanged") {
      const { userId, sessionId } = event.value;
      this.#emitter.emit("dominantSpeaker", { userId, sessionId });
    }
    const isAllowed = voiceAllowedBy(event, this.#sessionId);
    if (isAllowed !== undefined && isAllowed !== this.#isPublishing) this.#publish(isAllowed, connection);
  }

  #publish(isPublishing: boolean, connection: SfuConnection): void {
    this.#isPublishing = isPublishing;
    this.#logger.info("publishing_changed", { isPublishing });
    connection.setMuted(!isPublishing).catch((error: unknown) => {
      this.#logger.warn("mute_state_failed", { isPublishing, error: messageOf(error) });
    });
    this.#emitter.emit("publishing", { isPublishing });
  }

  #obey(verdict: Exclude<Verdict, { type: "stay" }>): void {
    if (this.#state.name === "joining") {
      this.#earlyVerdict = verdict;
      return;
    }
    const { detail } = verdict;
    if (verdict.type === "end") {
      void this.#end({ cause: verdict.cause, detail }, (connection) => connection.leave(detail));
      return;
    }
    // A reconnect would begin here, with `verdict.strategy`; without one the call is over for us.
    const error = new SfuError(`the SFU was lost: ${detail}`, {
      retryable: true,
      data: { strategy: verdict.strategy },
    });
    void this.#end({ cause: "sfu_lost", detail, error }, (connection) => connection.close(detail));
  }

  #end(end: StreamCallEvents["closed"][0], goodbye: (connection: SfuConnection) => Promise<void>): Promise<void> {
    const { name } = this.#state;
    if (name === "leaving") return this.#state.done;
    if (name !== "joined") return Promise.resolve();
    const { connection } = this.#state;
    this.#ended = end;
    const telling = end.cause === "call_ended" ? this.#feed.lastEvents() : Promise.resolve();
    const done = Promise.all([goodbye(connection), telling.then(() => this.#feed.close())]).then(async () => {
      const cause = end.cause === "kicked" && (await this.#feed.isBlocked()) ? "blocked" : end.cause;
      this.#ended = { ...end, cause };
      this.#state = { name: "closed" };
      this.#logger.info("stream_call_closed", { cause, detail: end.detail });
      this.#emitter.emit("closed", this.#ended);
      this.#emitter.removeAllListeners();
    });
    this.#state = { name: "leaving", done };
    return done;
  }
}

export type { OutgoingAudio } from "./audio-packetizer.ts";
export type { IncomingAudio } from "./audio-router.ts";
export type { CallEvent, CallEventMap, CallEventOf } from "./call-events.ts";
export type { Participant } from "./participants.ts";
export type { StreamCallEvents, StreamCallOptions } from "./stream-call-types.ts";
export type { StreamTimeouts } from "./timeouts.ts";
export type { StreamUser } from "./user.ts";
export type { LeaveCause } from "./verdict.ts";
