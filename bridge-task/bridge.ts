import type { StreamClient } from "@stream-io/node-sdk";
import { type AttendanceEvent, type AttendanceLimits, attend, defaultLimits, joined } from "./attendance.ts";
import { FrameClock } from "./audio/frame-clock.ts";
import { Hearing } from "./audio/hearing.ts";
import { loadOpus, type OpusCodec } from "./audio/opus.ts";
import { Playout } from "./audio/playout.ts";
import { withDeadline } from "./deadline.ts";
import { messageOf } from "./errors.ts";
import type { EndReason } from "./job.ts";
import type { Logger } from "./log.ts";
import { OutboundAudio } from "./outbound-audio.ts";
import { RealtimeClient, type SessionUpdate } from "./realtime/client.ts";
import { StreamCall } from "./stream/stream-call.ts";
import type { StreamUser } from "./stream/user.ts";

export interface BridgeOptions {
  streamClient: StreamClient;
  call: { type: string; id: string };
  /** The Stream user the agent joins as; `custom.agent` is added. */
  agentUser: StreamUser;
  openAi: { apiKey: string; baseUrl?: string; model?: string };
  session?: SessionUpdate;
  /** What the agent is told to do when somebody can first hear it; without it, it waits to be spoken to. */
  greeting?: string;
  limits?: Partial<AttendanceLimits>;
  /** How long the agent's call token is valid. Default: an hour longer than the longest stay. */
  validityInSeconds?: number;
  logger: Logger;
}

export interface End {
  reason: EndReason;
  detail: string;
}

/** Longest wait for the rest of a sentence, and for a goodbye to the SFU. */
const drainTimeoutMs = 10_000;
const leaveTimeoutMs = 3_000;
/** The cut sentence fades out within this many milliseconds of packets. */
const fadeOutMs = 60;

const streamEnds = {
  left: "disconnected",
  call_ended: "call_ended",
  kicked: "kicked",
  sfu_lost: "sfu_lost",
  refused: "join_failed",
} as const;

/** A reason that lets the agent finish what it is saying; all others cut it. */
const finishesSentence = (reason: EndReason): boolean => reason === "max_duration";

/**
 * One agent in one call: a participant on Stream's side, a session on the model's side, sound in between.
 * It decides nothing about turns (realtime/) nor about sound (audio/): it connects them and owns their end.
 */
export class Bridge {
  readonly client: RealtimeClient;
  readonly participant: StreamCall;
  /** Resolves once it begins to leave, for whatever reason. */
  readonly leaving: Promise<End>;
  /** Resolves once, after everything is closed. */
  readonly ended: Promise<End>;

  readonly #logger: Logger;
  readonly #greeting: string | undefined;
  readonly #limits: AttendanceLimits;
  readonly #playout: Playout;
  readonly #outbound: OutboundAudio;
  readonly #hearing: Hearing;
  readonly #clock: FrameClock;
  readonly #leaving = Promise.withResolvers<End>();
  readonly #ended = Promise.withResolvers<End>();
  #attendance = joined(performance.now());
  #attendanceTimer: NodeJS.Timeout | undefined;
  #end: End | undefined;
  /** Session ids of people: agents do not hear agents. */
  #heard: ReadonlySet<string> = new Set();

  private constructor(
    { logger, greeting, limits }: BridgeOptions,
    {
      client,
      participant,
      playout,
      opus,
    }: { client: RealtimeClient; participant: StreamCall; playout: Playout; opus: OpusCodec },
  ) {
    this.client = client;
    this.participant = participant;
    this.#logger = logger;
    this.#greeting = greeting;
    this.#limits = { ...defaultLimits, ...limits };
    this.#playout = playout;
    this.#outbound = new OutboundAudio(playout, opus.createEncoder());
    this.#hearing = new Hearing({ opus, onAudio: (pcm) => client.appendInputAudio(pcm) });
    this.#clock = new FrameClock({
      onFrame: (nowMs, missedFrames) => {
        this.#hearing.tick(nowMs);
        participant.sendAudio(this.#outbound.nextPacket(), missedFrames);
      },
    });
    this.leaving = this.#leaving.promise;
    this.ended = this.#ended.promise;
  }

  /**
   * Joins the call and opens the model session, both at the same time. Resolves once the agent is in the call and its
   * session is ready; rejects when either side refuses, after the other was left.
   */
  static async connect(options: BridgeOptions): Promise<Bridge> {
    const { logger, openAi } = options;
    const startedAtMs = performance.now();
    const playout = new Playout();
    const limits = { ...defaultLimits, ...options.limits };
    const joining = StreamCall.join({
      streamClient: options.streamClient,
      call: options.call,
      user: { ...options.agentUser, custom: { ...options.agentUser.custom, agent: true } },
      validityInSeconds: options.validityInSeconds ?? Math.ceil(limits.maxDurationMs / 1_000) + 3_600,
      logger,
    });
    const opening = RealtimeClient.connect({ ...openAi, session: options.session ?? {}, voice: playout, logger });
    try {
      const [participant, client, opus] = await Promise.all([joining, opening, loadOpus()]);
      const bridge = new Bridge(options, { client, participant, playout, opus });
      bridge.#run();
      logger.info("agent_joined", { tookMs: Math.round(performance.now() - startedAtMs) });
      return bridge;
    } catch (error) {
      const undone = Promise.allSettled([
        joining.then((participant) => participant.leave("the model session could not be opened")),
        opening.then((client) => client.disconnect()),
      ]);
      await withDeadline(undone, leaveTimeoutMs, "undoing a failed start").catch((cause) =>
        logger.warn("undoing_failed", { error: cause }),
      );
      throw error;
    }
  }

  /** Opens the ears, once the session updates made so far are in force. The greeting may follow. */
  async settle(): Promise<void> {
    await this.client.updatesSettled();
    if (this.#end) return;
    this.client.listen();
    this.#attend({ type: "ready" });
  }

  /** Leaves in order: stop listening, finish or cut the sentence, leave the call, close the session. Idempotent. */
  end(reason: EndReason, detail: string): Promise<End> {
    if (!this.#end) {
      this.#end = { reason, detail };
      this.#logger.info("agent_leaving", { reason, detail });
      this.#leaving.resolve(this.#end);
      void this.#shutDown(this.#end);
    }
    return this.ended;
  }

  #run(): void {
    const { participant, client } = this;
    this.#clock.start();
    this.#countPeople();
    participant.on("audio", (packet) => {
      if (!this.#end && this.#heard.has(packet.sessionId)) {
        this.#hearing.push(packet.sessionId, packet, performance.now());
      }
    });
    for (const change of ["participantJoined", "participantUpdated", "participantLeft"] as const) {
      participant.on(change, ({ sessionId }) => {
        if (change === "participantLeft") this.#hearing.remove(sessionId);
        this.#countPeople();
      });
    }
    participant.on("closed", ({ cause, detail }) => void this.end(streamEnds[cause], detail));
    client.on("close", ({ cause, detail }) => void this.end(cause, detail));
    client.on("input_audio_buffer.speech_started", () => this.#attend({ type: "speech" }));
  }

  #countPeople(): void {
    const people = this.participant.participants().filter(({ isSelf, isAgent }) => !isSelf && !isAgent);
    this.#heard = new Set(people.map(({ sessionId }) => sessionId));
    this.#attend({ type: "people", people });
  }

  #attend(event: AttendanceEvent): void {
    if (this.#end) return;
    const nowMs = performance.now();
    const { state, commands, wakeAtMs } = attend(this.#attendance, event, nowMs, this.#limits);
    this.#attendance = state;
    clearTimeout(this.#attendanceTimer);
    this.#attendanceTimer = setTimeout(() => this.#attend({ type: "time" }), Math.max(1, wakeAtMs - nowMs));
    for (const command of commands) {
      if (command.type === "greet") this.#greet();
      else void this.end(command.reason, "");
    }
  }

  #greet(): void {
    if (this.#greeting === undefined) return;
    this.client.prompt(this.#greeting);
  }

  async #shutDown(end: End): Promise<void> {
    clearTimeout(this.#attendanceTimer);
    const step = async (name: string, work: () => unknown, timeoutMs: number) => {
      try {
        await withDeadline(Promise.resolve(work()), timeoutMs, name);
      } catch (error) {
        this.#logger.warn("leaving_step_failed", { step: name, error: messageOf(error) });
      }
    };
    if (finishesSentence(end.reason)) await step("draining the playout", () => this.#playout.drained(), drainTimeoutMs);
    else this.#playout.cut();
    await new Promise((resolve) => setTimeout(resolve, fadeOutMs));
    this.#clock.stop();
    await step("leaving the call", () => this.participant.leave(end.reason), leaveTimeoutMs);
    await step("closing the model session", () => this.client.disconnect(), leaveTimeoutMs);
    this.#hearing.close();
    this.#outbound.close();
    this.#logger.info("agent_left", { ...end });
    this.#ended.resolve(end);
  }
}
