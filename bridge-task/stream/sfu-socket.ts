import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { WebSocket } from "ws";
import { deferred, withDeadline } from "../deadline.ts";
import { messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import { closeSocket } from "./close-socket.ts";
import { SfuError } from "./errors.ts";
import { type JoinRequestSchema, type JoinResponse, SfuEventSchema, SfuRequestSchema } from "./generated/events_pb.js";
import { endedJoin, refusedJoin } from "./join-refusal.ts";
import type { SfuEventPayload } from "./sfu-events.ts";
import { SilenceAlarm } from "./silence-alarm.ts";
import type { StreamTimeouts } from "./timeouts.ts";
import { verdictOf } from "./verdict.ts";

export interface SfuSocketOptions {
  url: URL;
  timeouts: StreamTimeouts;
  logger: Logger;
  /** Each event in the order of arrival, from the JoinResponse on. */
  onEvent: (event: SfuEventPayload) => void;
  /** The socket was lost after the join, without a wish of ours. At most once. */
  onLost: (detail: string) => void;
}

/**
 * `connecting` → `joining` → `joined` → `closed`; each of them may go straight to `closed`.
 * Before `joined` a loss rejects `join`; in `joined` it is reported by `onLost`; in `closed` it was our wish.
 */
type SocketState = "connecting" | "joining" | "joined" | "closed";

/** Far above any event of an SFU; what is larger is not one. */
const maxEventBytes = 4 * 1024 * 1024;
/** Close codes of Stream's JavaScript client. */
const closeCodes = { normal: 1000, unhealthy: 4001, joinFailed: 4101 } as const;

/** The signalling socket to one SFU: binary protobuf both ways, a sign of life every few seconds. */
export class SfuSocket {
  readonly #options: SfuSocketOptions;
  readonly #socket: WebSocket;
  readonly #opened = deferred<void>();
  readonly #joined = deferred<JoinResponse>();
  #state: SocketState = "connecting";
  #healthTimer: NodeJS.Timeout | undefined;
  #silence: SilenceAlarm | undefined;

  constructor(options: SfuSocketOptions) {
    this.#options = options;
    // These may reject while nobody waits yet; `join` reports it as soon as it does.
    this.#opened.promise.catch(() => undefined);
    this.#joined.promise.catch(() => undefined);
    this.#socket = new WebSocket(options.url, { maxPayload: maxEventBytes, perMessageDeflate: false });
    // `close` follows every `error`, but only the error tells why.
    let failure: string | undefined;
    this.#socket.on("error", (error) => {
      failure = messageOf(error);
    });
    this.#socket.on("open", () => this.#opened.resolve());
    this.#socket.on("message", (data, isBinary) => this.#onFrame(data as Buffer, isBinary));
    this.#socket.on("close", (code) => this.#onClosed(failure ?? `the SFU closed its socket with code ${code}`));
  }

  /**
   * Resolves with the JoinResponse. Rejects, with the socket closed, with SfuError on an error event or a loss, and with
   * TimeoutError when nothing comes.
   */
  async join(request: MessageInitShape<typeof JoinRequestSchema>): Promise<JoinResponse> {
    const { socketOpenMs, joinResponseMs } = this.#options.timeouts;
    try {
      await withDeadline(this.#opened.promise, socketOpenMs, "opening the SFU's socket");
      this.#state = "joining";
      this.#send({ case: "joinRequest", value: request });
      return await withDeadline(this.#joined.promise, joinResponseMs, "the SFU's join response");
    } catch (error) {
      await this.#end(closeCodes.joinFailed, "join failed");
      throw error;
    }
  }

  /** Tells the SFU that we leave, then closes. Idempotent; never throws; takes at most `leaveStepMs`. */
  async leave(sessionId: string, reason: string): Promise<void> {
    if (this.#state === "joined") this.#send({ case: "leaveCallRequest", value: { sessionId, reason } });
    await this.close(reason);
  }

  /** Closes without a word. Idempotent; never throws; takes at most `leaveStepMs`. */
  async close(reason: string): Promise<void> {
    await this.#end(closeCodes.normal, reason);
  }

  #send(requestPayload: NonNullable<MessageInitShape<typeof SfuRequestSchema>["requestPayload"]>): void {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    this.#socket.send(toBinary(SfuRequestSchema, create(SfuRequestSchema, { requestPayload })));
  }

  #onFrame(data: Buffer, isBinary: boolean): void {
    this.#silence?.heard();
    let event: SfuEventPayload;
    try {
      if (!isBinary) throw new SfuError("a text frame");
      event = fromBinary(SfuEventSchema, data).eventPayload;
    } catch (error) {
      this.#options.logger.warn("sfu_event_unreadable", { error: messageOf(error), bytes: data.length });
      return;
    }
    if (this.#state === "joined") this.#options.onEvent(event);
    else if (this.#state === "joining") this.#beforeJoined(event);
  }

  #beforeJoined(event: SfuEventPayload): void {
    if (event.case === "joinResponse") {
      this.#state = "joined";
      this.#watch();
      this.#options.onEvent(event);
      this.#joined.resolve(event.value);
    } else if (event.case === "error") {
      const { error, reconnectStrategy } = event.value;
      this.#joined.reject(refusedJoin(error, reconnectStrategy));
    } else if (event.case === "goAway") {
      this.#joined.reject(new SfuError("the SFU is going away", { retryable: true, edgeIsBad: true }));
    } else if (event.case === "callEnded") {
      const verdict = verdictOf(event);
      if (verdict.type !== "stay") this.#joined.reject(endedJoin(verdict));
    }
  }

  #watch(): void {
    const { healthCheckMs, socketSilenceMs } = this.#options.timeouts;
    this.#healthTimer = setInterval(() => this.#send({ case: "healthCheckRequest", value: {} }), healthCheckMs);
    this.#silence = new SilenceAlarm(socketSilenceMs, () =>
      this.#lose(`the SFU's socket was silent for ${socketSilenceMs} ms`),
    );
  }

  #onClosed(detail: string): void {
    const error = new SfuError(`the SFU's socket was lost before the join: ${detail}`, { retryable: true });
    this.#opened.reject(error);
    this.#joined.reject(error);
    this.#lose(detail);
  }

  #lose(detail: string): void {
    const wasJoined = this.#state === "joined";
    void this.#end(closeCodes.unhealthy, detail);
    if (wasJoined) this.#options.onLost(detail);
  }

  async #end(code: number, reason: string): Promise<void> {
    this.#state = "closed";
    clearInterval(this.#healthTimer);
    this.#silence?.stop();
    await closeSocket(this.#socket, { code, reason, timeoutMs: this.#options.timeouts.leaveStepMs });
  }
}
