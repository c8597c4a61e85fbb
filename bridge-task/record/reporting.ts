import { randomUUID } from "node:crypto";
import type { StreamClient } from "@stream-io/node-sdk";
import { Courier } from "../events-out/courier.ts";
import type { OutgoingEvent } from "../events-out/events.ts";
import { Announcer } from "../in-call/announcer.ts";
import type { AgentEvent } from "../in-call/events.ts";
import type { AgentSettings, EndReason } from "../job.ts";
import type { Logger } from "../log.ts";
import { postSigned } from "../outgoing/signed-post.ts";
import type { UrlPolicy } from "../outgoing/url-policy.ts";
import type { SessionEvents } from "../realtime/client-events.ts";
import type { Participant, StreamCall } from "../stream/stream-call.ts";
import { adviceOn } from "./advice.ts";
import type { CallRecord } from "./call-record.ts";
import { RecordKeeper } from "./record-keeper.ts";
import { type Report, SessionLog, type Unaddressed } from "./session-log.ts";
import { Speakers } from "./speakers.ts";

export interface ReportingOptions {
  streamClient: StreamClient;
  call: { type: string; id: string };
  agentUser: { id: string; name?: string };
  /** What people in the call and the application's backend are told. */
  settings: Pick<AgentSettings, "inCall" | "events">;
  launchId: string;
  /** Signs what goes to the application's backend: AGENTS_API_KEY. */
  key: string;
  urlPolicy: UrlPolicy;
  logger: Logger;
}

/** Why a stay is over. */
export interface StayEnd {
  reason: EndReason;
  detail?: string | undefined;
}

/**
 * Where a session's events come from: best the session's own emitter, from which an application that clears its own listeners
 * (clearEventHandlers, reset) takes nothing away.
 */
export interface SessionSource {
  on<Name extends "realtime.event" | "agent.state" | "tool.started" | "tool.finished">(
    name: Name,
    listener: (...args: SessionEvents[Name]) => unknown,
  ): unknown;
}

/** Who is told what of one stay: people in the call, the application's backend, the record. None of it is ever waited for by the sound. */
export interface Reporting {
  /** The agent is in the call. Call it before the application's `connected`, so that nothing is missed. At most once. */
  joined(parts: { client: SessionSource; participant: Pick<StreamCall, "on" | "participants"> }): void;
  /** The record as of the end: the first call decides when that was, and later ones give the same. */
  record(end: StayEnd): CallRecord<EndReason>;
  /**
   * Tells of the end and waits until everything is told, at most 5 s. To be called once the agent is out of the call, or when it
   * is clear that it never gets in. Resolves with the record. Never rejects. Idempotent.
   */
  close(end: StayEnd): Promise<CallRecord<EndReason>>;
}

const closeTimeoutMs = 5_000;

/** Begins to report one stay, when its process begins: a stay that never gets into the call has a record and an end as well. */
export const startReporting = (options: ReportingOptions): Reporting => new StayReporting(options);

type Bare<Event> = Event extends unknown ? Omit<Event, "id" | "at" | "call" | "agent"> : never;

const isoOf = (epochMs: number): string => new Date(epochMs).toISOString();

class StayReporting implements Reporting {
  readonly #options: ReportingOptions;
  readonly #keeper: RecordKeeper;
  readonly #speakers = new Speakers();
  readonly #log: SessionLog;
  readonly #announcer: Announcer;
  readonly #courier: Courier | undefined;
  #closing: Promise<CallRecord<EndReason>> | undefined;

  constructor(options: ReportingOptions) {
    const { streamClient, call, agentUser, settings, key, urlPolicy, launchId, logger } = options;
    this.#options = options;
    this.#keeper = new RecordKeeper({ ...this.#who(), launchId, startedAt: isoOf(performance.timeOrigin) });
    const speakerOf = (fromMs: number, toMs: number) => this.#speakers.longest(fromMs, toMs, this.#keeper.presentIds);
    this.#log = new SessionLog({ speakerOf });
    const streamCall = streamClient.video.call(call.type, call.id);
    this.#announcer = new Announcer({
      send: (event) => streamCall.sendCallEvent({ custom: { ...event }, user_id: agentUser.id }),
      logger,
    });
    const url = settings.events?.url;
    if (url === undefined) return;
    this.#courier = new Courier({
      post: ({ eventId, ...post }) =>
        postSigned({ url, key, headers: { "idempotency-key": eventId }, ...post }, urlPolicy),
      logger,
    });
  }

  joined({ client, participant }: Parameters<Reporting["joined"]>[0]): void {
    const isPerson = ({ isSelf, isAgent }: Participant) => !isSelf && !isAgent;
    const came = ({ sessionId, userId, name }: Participant) =>
      this.#keeper.add({ type: "person_came", at: isoOf(Date.now()), sessionId, userId, name });
    this.#keeper.add({ type: "joined", at: isoOf(Date.now()) });
    this.#deliver({ type: "agent.joined" });
    this.#announce({ type: "agent.state", state: "listening" });
    participant.participants().filter(isPerson).forEach(came);
    participant.on("participantJoined", (joined) => {
      if (!isPerson(joined)) return;
      came(joined);
      this.#announcer.sayStateAgain();
    });
    participant.on("participantLeft", ({ sessionId }) => {
      this.#keeper.add({ type: "person_left", at: isoOf(Date.now()), sessionId });
      this.#speakers.left(sessionId, Date.now());
    });
    participant.on("speaking", ({ sessionId, userId, isSpeaking }) =>
      this.#speakers.speaking(sessionId, userId, isSpeaking, Date.now()),
    );
    client.on("realtime.event", (record) => this.#tell(this.#log.onWire(record, Date.now())));
    client.on("agent.state", ({ state }) => this.#tell(this.#log.onState(state, Date.now())));
    client.on("tool.started", (started) => this.#tell(this.#log.onToolStarted(started, Date.now())));
    client.on("tool.finished", (finished) => this.#tell(this.#log.onToolFinished(finished)));
  }

  record(end: StayEnd): CallRecord<EndReason> {
    this.#tell(this.#log.finish(Date.now()));
    return this.#keeper.end(end, isoOf(Date.now()));
  }

  close(end: StayEnd): Promise<CallRecord<EndReason>> {
    this.#closing ??= this.#close(end);
    return this.#closing;
  }

  async #close(end: StayEnd): Promise<CallRecord<EndReason>> {
    const record = this.record(end);
    this.#tellEnd(record);
    await Promise.all([this.#announcer.close(closeTimeoutMs), this.#courier?.close(closeTimeoutMs)]);
    return record;
  }

  #tellEnd(record: CallRecord<EndReason>): void {
    const { reason, detail = "", joinedAt } = record;
    // Another launch of the same agent is, or will be, in the call: what it tells is true.
    if (reason !== "replaced") this.#announce({ type: "agent.state", state: "left", reason });
    else if (joinedAt === undefined) return;
    const advice = adviceOn(reason);
    if (advice !== undefined) this.#deliver({ type: "agent.failed", reason, detail, advice });
    this.#deliver({ type: "agent.left", reason, record, droppedEventCount: 0 });
  }

  #tell(reports: readonly Report[]): void {
    const { inCall } = this.#options.settings;
    for (const { to, event } of reports) {
      if (to === "record") this.#keeper.add(event);
      else if (to === "backend") this.#deliverReport(event);
      else if (event.type === "agent.caption" ? inCall?.captions : event.type !== "agent.tool" || inCall?.tools) {
        this.#announce(event);
      }
    }
  }

  #deliverReport(event: Extract<Report, { to: "backend" }>["event"]): void {
    if (event.type === "tool.finished") {
      this.#deliver({ type: "tool.finished", ...event.tool });
      return;
    }
    const { role, text, speaker, isInterrupted, beganAtMs } = event.turn;
    const more = {
      ...(speaker === undefined ? {} : { speaker }),
      ...(isInterrupted ? { interrupted: true as const } : {}),
    };
    this.#deliver({ type: "turn", role, text, ...more }, isoOf(beganAtMs));
  }

  #announce(event: Unaddressed<AgentEvent>): void {
    this.#announcer.offer({ ...event, agent: this.#options.agentUser.id, at: isoOf(Date.now()) });
  }

  #deliver(event: Bare<OutgoingEvent>, at = isoOf(Date.now())): void {
    this.#courier?.send({ id: `evt_${randomUUID()}`, ...event, at, ...this.#who() });
  }

  #who(): Pick<CallRecord, "call" | "agent"> {
    const { call, agentUser } = this.#options;
    return {
      call: { type: call.type, id: call.id, cid: `${call.type}:${call.id}` },
      agent: { userId: agentUser.id, ...(agentUser.name ? { name: agentUser.name } : {}) },
    };
  }
}
