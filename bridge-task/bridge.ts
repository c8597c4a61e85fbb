import type { AgentClient } from "./agent-client.ts";
import { defaultLimits } from "./attendance.ts";
import { Attendant, type EmptyReason } from "./attendant.ts";
import { FrameClock } from "./audio/frame-clock.ts";
import { Hearing } from "./audio/hearing.ts";
import { levelDbov } from "./audio/level.ts";
import { loadOpus, type OpusCodec } from "./audio/opus.ts";
import { Playout } from "./audio/playout.ts";
import { type BridgeOptions, checkOptions } from "./bridge-options.ts";
import { deferred, withDeadline } from "./deadline.ts";
import { depart, type End, emptyEnds, leaveTimeoutMs, streamEnds } from "./departure.ts";
import type { SafeEmitter } from "./emitter.ts";
import { messageOf } from "./errors.ts";
import type { EndReason } from "./job.ts";
import type { Logger } from "./log.ts";
import { OutboundAudio } from "./outbound-audio.ts";
import { RealtimeClient } from "./realtime/client.ts";
import type { SessionEvents } from "./realtime/client-events.ts";
import { ModelSession } from "./realtime/model-session.ts";
import { StreamCall } from "./stream/stream-call.ts";

/** Louder than this (in dB below full scale) may be speech. */
const speechLevelDbov = 45;
/** Whoever was loud so recently may be speaking; the model's own detection then has so long to say so. */
const recentSpeechMs = 600;
const speechNoticeMs = 300;

/**
 * One agent in one call: a participant on Stream's side, a session on the model's side, sound in between.
 * It decides nothing about turns (realtime/) nor about sound (audio/): it connects them and owns their end.
 */
export class Bridge {
  /** What the application gets: the model session and the call in one. */
  readonly client: AgentClient;
  readonly participant: StreamCall;
  /** Resolves once it begins to leave, for whatever reason. */
  readonly leaving: Promise<End>;
  /** Resolves once, after everything is closed. */
  readonly ended: Promise<End>;

  readonly #options: BridgeOptions;
  readonly #logger: Logger;
  readonly #session: ModelSession;
  readonly #attendant: Attendant;
  readonly #playout: Playout;
  readonly #outbound: OutboundAudio;
  readonly #hearing: Hearing;
  readonly #clock: FrameClock;
  readonly #leaving = deferred<End>();
  readonly #ended = deferred<End>();
  #end: End | undefined;
  /** Session ids of people: agents do not hear agents. */
  #people: ReadonlySet<string> = new Set();
  #loudAtMs = Number.NEGATIVE_INFINITY;
  /** What there is to say waits until then. */
  #audibleFromMs = Number.NEGATIVE_INFINITY;
  #tellsCallEvents = false;

  private constructor(
    options: BridgeOptions,
    parts: { session: ModelSession; participant: StreamCall; playout: Playout; opus: OpusCodec },
  ) {
    const { logger, limits, betaEventNames } = options;
    this.#options = options;
    this.#session = parts.session;
    this.client = new RealtimeClient({
      session: parts.session,
      disconnect: () => this.end("disconnected", "disconnect() was called."),
      betaEventNames,
      logger,
    });
    this.participant = parts.participant;
    this.#logger = logger;
    this.#attendant = new Attendant({
      limits: { ...defaultLimits, ...limits },
      sinceMs: performance.now(),
      mayLeave: options.mayLeave,
      onGreet: (audibleFromMs) => this.#greet(audibleFromMs),
      onEnd: (reason) => this.#endByRule(reason),
      logger,
    });
    this.#playout = parts.playout;
    this.#outbound = new OutboundAudio(parts.playout, parts.opus.createEncoder());
    this.#hearing = new Hearing({ opus: parts.opus, onAudio: (pcm) => this.#hear(pcm) });
    this.#clock = new FrameClock({ onFrame: (nowMs, missedFrames) => this.#frame(nowMs, missedFrames) });
    this.leaving = this.#leaving.promise;
    this.ended = this.#ended.promise;
  }

  /**
   * Joins the call and opens the model session, both at the same time. Resolves once the agent is in the call and its
   * session is ready. Rejects with a BridgeError as soon as either side refuses, with the other given up and left;
   * with InvalidInputError, before anything is opened, where the options can never work.
   */
  static async connect(options: BridgeOptions): Promise<Bridge> {
    checkOptions(options);
    const { logger, openAi, call, agentUser, session } = options;
    const startedAtMs = performance.now();
    const failed = new AbortController();
    const signal = options.signal ? AbortSignal.any([options.signal, failed.signal]) : failed.signal;
    const playout = new Playout();
    const { maxDurationMs } = { ...defaultLimits, ...options.limits };
    const joining = StreamCall.join({
      streamClient: options.streamClient,
      call: { type: call.type, id: call.id },
      user: { ...agentUser, custom: { ...agentUser.custom, agent: true } },
      validityInSeconds: options.validityInSeconds ?? Math.ceil(maxDurationMs / 1_000) + 3_600,
      logger,
      signal,
    });
    const { keepAudio, tools } = options;
    const opening = ModelSession.open({ ...openAi, session, tools, keepAudio, voice: playout, logger, signal });
    try {
      const [participant, model, opus] = await Promise.all([joining, opening, loadOpus()]);
      const bridge = new Bridge(options, { session: model, participant, playout, opus });
      bridge.#run();
      logger.info("agent_joined", { tookMs: Math.round(performance.now() - startedAtMs) });
      return bridge;
    } catch (error) {
      failed.abort(error);
      const undone = Promise.allSettled([
        joining.then((participant) => participant.leave("the agent could not start")),
        opening.then((model) => model.close()),
      ]);
      await withDeadline(undone, leaveTimeoutMs, "undoing a failed start").catch((cause) =>
        logger.warn("undoing_failed", { error: cause }),
      );
      throw error;
    }
  }

  /** The model session's own events: an application that clears the listeners of its client does not touch those. */
  get sessionEvents(): Pick<SafeEmitter<SessionEvents>, "on"> {
    return this.#session.events;
  }

  /** Opens the ears, once the session updates made so far are in force. The greeting may follow. */
  async settle(): Promise<void> {
    this.#tellCallEvents();
    await this.#session.settings.settled();
    if (this.#end) return;
    this.#session.audio.listen();
    // Who was already speaking is heard by the model only now; it needs a moment to say so, or we would greet over them.
    const maySpeak = performance.now() - this.#loudAtMs < recentSpeechMs;
    if (maySpeak) await new Promise((resolve) => setTimeout(resolve, speechNoticeMs));
    this.#attendant.tell({ type: "ready" });
  }

  /** Told that somebody comes, or just came: nobody's absence counts for a moment. */
  knock(): void {
    this.#attendant.tell({ type: "knock" });
  }

  /** Why the agent is out of the call or on its way out; undefined while it is in it. */
  get left(): End | undefined {
    return this.#end;
  }

  /** Leaves in order: stop listening, finish or cut the sentence, leave the call, close the session. Idempotent. */
  end(reason: EndReason, detail: string): Promise<End> {
    if (!this.#end) {
      this.#end = { reason, detail };
      this.#logger.info("agent_leaving", { reason, detail });
      this.#attendant.close();
      this.#leaving.resolve(this.#end);
      void this.#leave(this.#end);
    }
    return this.ended;
  }

  #run(): void {
    const { participant } = this;
    const session = this.#session;
    this.#clock.start();
    // Who is there already has been negotiating our voice since it was announced, not since we are ready.
    this.#countPeople(participant.announcedAtMs);
    participant.on("audio", (packet) => {
      if (!this.#end && this.#people.has(packet.sessionId)) {
        this.#hearing.push(packet.sessionId, packet, performance.now());
      }
    });
    participant.on("participantJoined", () => this.#countPeople());
    participant.on("participantUpdated", () => this.#countPeople());
    participant.on("participantLeft", ({ sessionId }) => {
      this.#hearing.remove(sessionId);
      this.#countPeople();
    });
    session.events.on("input_audio_buffer.speech_started", () => this.#attendant.tell({ type: "speech" }));
    participant.on("closed", ({ cause, detail }) => void this.end(streamEnds[cause], detail));
    // The server's own words stay out of the log: they may quote what people said.
    session.events.on("close", ({ cause, detail, error }) => void this.end(cause, error?.code ?? detail));
    // Either side may have ended while the other one was still on its way.
    if (participant.end) void this.end(streamEnds[participant.end.cause], participant.end.detail);
    else if (session.end) void this.end(session.end.cause, session.end.error?.code ?? session.end.detail);
  }

  /** From here on the application hears what happens in the call, and first what was kept for it. Idempotent. */
  #tellCallEvents(): void {
    if (this.#tellsCallEvents) return;
    this.#tellsCallEvents = true;
    this.participant.on("callEvent", (event) => this.client.dispatch(event.type, ...([event] as unknown as never)));
  }

  #frame(nowMs: number, missedFrames: number): void {
    try {
      this.#hearing.tick(nowMs);
      const packet = nowMs < this.#audibleFromMs ? this.#outbound.silentPacket() : this.#outbound.nextPacket();
      this.participant.sendAudio(packet, missedFrames);
    } catch (error) {
      // In a server that holds many calls this must end one of them, not the process.
      this.#logger.error("media_failed", { error });
      this.#clock.stop();
      void this.end("internal", messageOf(error));
    }
  }

  #hear(pcm: Int16Array): void {
    if (levelDbov(pcm) < speechLevelDbov) this.#loudAtMs = performance.now();
    this.#session.audio.append(pcm);
  }

  #countPeople(nowMs = performance.now()): void {
    const people = this.participant.participants().filter(({ isSelf, isAgent }) => !isSelf && !isAgent);
    this.#people = new Set(people.map(({ sessionId }) => sessionId));
    this.#attendant.tell({ type: "people", people }, nowMs);
  }

  #endByRule(reason: EmptyReason | "max_duration"): void {
    if (reason === "max_duration") return void this.end(reason, "The longest stay was reached.");
    // Somebody may have come while the agent asked whether it may leave: the call is theirs now.
    const endsCall = this.#options.onEmpty === "end-call" && this.#people.size === 0;
    void this.end(endsCall ? "end_call" : reason, emptyEnds[reason]);
  }

  #greet(audibleFromMs: number): void {
    const { greeting } = this.#options;
    if (greeting === undefined) return;
    this.#audibleFromMs = audibleFromMs;
    this.#session.requests.prompt(greeting);
  }

  /** Whatever fails on the way, it ends: first for those who hold the bridge, then for the application. */
  async #leave(end: End): Promise<void> {
    try {
      await this.#shutDown(end);
    } catch {
      // Each step reports its own failure; what is left to fail is the logger.
    }
    this.#ended.resolve(end);
    await this.ended;
    this.client.finish(this.#session.end ?? { cause: end.reason, detail: end.detail });
  }

  async #shutDown(end: End): Promise<void> {
    const { streamClient, call } = this.#options;
    const steps = {
      silent: () => this.#silent(),
      cutVoice: () => this.#playout.cut(),
      stopClock: () => this.#clock.stop(),
      endCallForAll: () => streamClient.video.call(call.type, call.id).end(),
      leaveCall: () => this.participant.leave(end.reason),
      closeSession: () => {
        this.#tellCallEvents();
        return this.#session.close({ cause: end.reason, detail: end.detail });
      },
    };
    await depart(end, steps, this.#logger);
    this.#hearing.close();
    this.#outbound.close();
    this.#logger.info("agent_left", { ...end });
  }

  /** Resolves when the agent neither speaks nor is about to. */
  #silent(): Promise<void> {
    if (this.#session.agentState === "listening") return Promise.resolve();
    const { promise, resolve } = deferred<void>();
    this.#session.events.on("agent.state", ({ state }) => state === "listening" && resolve());
    return promise;
  }
}
