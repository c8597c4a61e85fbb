import { randomUUID } from "node:crypto";
import { WebSocket } from "ws";
import { deferred, withDeadline } from "../deadline.ts";
import { messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import { closeSocket } from "./close-socket.ts";
import { CoordinatorError } from "./errors.ts";
import { SilenceAlarm } from "./silence-alarm.ts";
import type { StreamTimeouts } from "./timeouts.ts";

type Json = Record<string, unknown>;

export interface CoordinatorSocketOptions {
  url: URL;
  /** The first frame: who we are. */
  hello: object;
  timeouts: StreamTimeouts;
  logger: Logger;
  /** Each message about something else than the socket itself, in the order of arrival. */
  onMessage: (message: Json) => void;
}

/** Far above any event: a call's with all of its members. */
const maxMessageBytes = 4 * 1024 * 1024;
const closeCode = 1000;

const readJson = (data: Buffer): Json => {
  const value: unknown = JSON.parse(data.toString("utf8"));
  if (typeof value !== "object" || value === null) throw new TypeError("not a JSON object");
  return value as Json;
};

/** The error of a `connection.error`. Nothing of it is final: a token is new with each connection, a limit may pass. */
const errorOf = ({ error }: Json): CoordinatorError => {
  const { code, message } = (error ?? {}) as Json;
  return new CoordinatorError(`Stream refused the socket of events: ${String(message ?? "no reason given")}`, {
    apiCode: typeof code === "number" ? code : undefined,
    retryable: true,
  });
};

/** One connection to the coordinator's WebSocket: JSON both ways, a sign of life now and then. */
export class CoordinatorSocket {
  readonly #options: CoordinatorSocketOptions;
  readonly #socket: WebSocket;
  readonly #opened = deferred<string>();
  readonly #lost = deferred<CoordinatorError>();
  #isOpen = false;
  #healthTimer: NodeJS.Timeout | undefined;
  #silence: SilenceAlarm | undefined;

  constructor(options: CoordinatorSocketOptions) {
    this.#options = options;
    // It may reject while nobody waits yet; `open` reports it as soon as it does.
    this.#opened.promise.catch(() => undefined);
    this.#socket = new WebSocket(options.url, { maxPayload: maxMessageBytes, perMessageDeflate: false });
    // `close` follows every `error`, but only the error tells why.
    let failure: string | undefined;
    this.#socket.on("error", (error) => {
      failure = messageOf(error);
    });
    this.#socket.on("open", () => this.#send(options.hello));
    this.#socket.on("message", (data) => this.#onFrame(data as Buffer));
    this.#socket.on("close", (code) => this.#lose(failure ?? `Stream closed the socket of events with code ${code}`));
  }

  /** Resolves once, with why this is over, whoever ended it. */
  get lost(): Promise<CoordinatorError> {
    return this.#lost.promise;
  }

  /** Resolves with the connection's id. Rejects with CoordinatorError or TimeoutError; to be closed then too. */
  open(): Promise<string> {
    const what = "opening the socket of events";
    return withDeadline(this.#opened.promise, this.#options.timeouts.eventsOpenMs, what);
  }

  /** Idempotent; never throws; takes at most `leaveStepMs`. */
  async close(reason: string): Promise<void> {
    this.#end(new CoordinatorError(`closed: ${reason}`, {}));
    await closeSocket(this.#socket, { code: closeCode, reason, timeoutMs: this.#options.timeouts.leaveStepMs });
  }

  #send(message: unknown): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #onFrame(data: Buffer): void {
    this.#silence?.heard();
    try {
      this.#onMessage(readJson(data));
    } catch (error) {
      // One message that we cannot make sense of is no reason to miss the others.
      this.#options.logger.warn("coordinator_message_unreadable", { error: messageOf(error), bytes: data.length });
    }
  }

  #onMessage(message: Json): void {
    if (message.type === "connection.ok") this.#begin(String(message.connection_id ?? ""));
    else if (message.type === "connection.error") this.#end(errorOf(message));
    else if (this.#isOpen && message.type !== "health.check") this.#options.onMessage(message);
  }

  #begin(connectionId: string): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    const { eventsHealthCheckMs, eventsSilenceMs } = this.#options.timeouts;
    // The form of Stream's JavaScript client, which is the one that the server sees most.
    const check = [{ type: "health.check", client_id: randomUUID() }];
    this.#healthTimer = setInterval(() => this.#send(check), eventsHealthCheckMs);
    const onSilent = () => this.#lose(`the socket of events was silent for ${eventsSilenceMs} ms`);
    this.#silence = new SilenceAlarm(eventsSilenceMs, onSilent);
    this.#opened.resolve(connectionId);
  }

  #lose(detail: string): void {
    this.#end(new CoordinatorError(detail, { retryable: true }));
  }

  #end(error: CoordinatorError): void {
    this.#isOpen = false;
    clearInterval(this.#healthTimer);
    this.#silence?.stop();
    this.#opened.reject(error);
    this.#lost.resolve(error);
  }
}
