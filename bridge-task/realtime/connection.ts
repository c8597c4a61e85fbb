import { OpenAIRealtimeWS } from "openai/realtime/ws";
import type { RealtimeClientEvent, RealtimeServerEvent } from "openai/resources/realtime/realtime";
import type { ClientOptions } from "ws";
import { deferred, withDeadline } from "../deadline.ts";
import { InvalidInputError, messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import { codeOfCloseReason, ModelError, modelErrorOf, upstreamOfHttp } from "./model-errors.ts";
import { readText, wrongCertificate } from "./transport.ts";

/** `closed_by_us`: close() was called. `lost`: anything else, with `error` saying what. */
export interface ConnectionClosed {
  cause: "closed_by_us" | "lost";
  /** WebSocket close code. */
  code: number;
  detail: string;
  error?: ModelError;
}

export interface ConnectionOptions {
  apiKey: string;
  model: string;
  /** `https://host/v1`; the SDK turns it into `wss:` and takes nothing else. */
  baseUrl: string;
  logger: Logger;
  /** Every server event, in order. May come before `opened()` resolves. Must not throw. */
  onEvent: (event: RealtimeServerEvent) => void;
  /** Exactly once, however it ended. Nothing follows. */
  onClosed: (closed: ConnectionClosed) => void;
  /** Passed to the `ws` constructor, for example `{ ca }`. */
  wsOptions?: ClientOptions | undefined;
  /** Default 10,000. */
  openTimeoutMs?: number | undefined;
  /** Between one keepalive answer and the next ping. Default 15,000. */
  pingIntervalMs?: number | undefined;
  /** A ping unanswered for so long means that the socket is dead. Default 10,000. */
  pongTimeoutMs?: number | undefined;
}

const closeTimeoutMs = 2_000;

/** Throws InvalidInputError for a key or a URL that can never work. */
export const checkServer = ({ apiKey, baseUrl }: { apiKey: string; baseUrl: string | undefined }): void => {
  if (typeof apiKey !== "string" || apiKey === "") {
    throw new InvalidInputError("The OpenAI API key is empty: pass openAiApiKey");
  }
  if (baseUrl === undefined) return;
  // The openai package speaks TLS only.
  if (!URL.canParse(baseUrl) || new URL(baseUrl).protocol !== "https:") {
    throw new InvalidInputError(`The model server's base URL must begin with https://, got ${baseUrl}`);
  }
};

/**
 * One WebSocket to the model server. It opens within a deadline or fails with a ModelError that says what to do, keeps
 * itself alive with pings (the SDK has none), and ends in exactly one `onClosed`.
 * What is written to a stalled socket is bounded by the keepalive: after `pingIntervalMs + pongTimeoutMs` it is closed.
 */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #realtime: OpenAIRealtimeWS;
  readonly #opened = deferred<void>();
  readonly #closed = deferred<void>();
  #keepalive: NodeJS.Timeout | undefined;
  #isClosing = false;
  #failure: ModelError | undefined;

  /** Begins to connect. Throws InvalidInputError where that can never work. */
  constructor(options: ConnectionOptions) {
    const { apiKey, baseUrl, model, wsOptions } = options;
    checkServer(options);
    this.#options = options;
    this.#realtime = new OpenAIRealtimeWS({ model, options: wsOptions }, { apiKey, baseURL: baseUrl });
    this.#realtime.on("event", (event) => this.#onEvent(event));
    this.#realtime.on("error", (error) => this.#onTransportError(error));
    const { socket } = this.#realtime;
    socket.on("unexpected-response", (_request, response) => {
      const refuse = (failure: ModelError) => {
        this.#failure ??= failure;
        socket.terminate();
      };
      readText(response).then(
        (body) => refuse(modelErrorOf(upstreamOfHttp(response.statusCode ?? 0, body), "model_unreachable")),
        (cause: unknown) => refuse(modelErrorOf({ message: messageOf(cause) }, "model_unreachable", { cause })),
      );
    });
    socket.once("open", () => {
      this.#schedulePing();
      this.#opened.resolve();
    });
    socket.on("pong", () => this.#schedulePing());
    socket.once("close", (code, reason) => this.#onClose(code, reason.toString()));
  }

  /** Resolves when the socket is open; rejects with a ModelError, and with nothing left open, when it cannot be. */
  async opened(): Promise<void> {
    try {
      await withDeadline(this.#opened.promise, this.#options.openTimeoutMs ?? 10_000, "Connecting to the model server");
    } catch (cause) {
      this.#realtime.socket.terminate();
      if (cause instanceof ModelError) throw cause;
      throw modelErrorOf({ message: `${messageOf(cause)}.` }, "model_unreachable", { cause });
    }
  }

  get isOpen(): boolean {
    const { socket } = this.#realtime;
    return !this.#isClosing && socket.readyState === socket.OPEN;
  }

  /** False where the socket is not open: the event is dropped, as the session that it was for is gone. */
  send(event: RealtimeClientEvent): boolean {
    if (!this.isOpen) return false;
    this.#realtime.send(event);
    return true;
  }

  /** Closes with 1000, and hard if the server does not answer in time. Idempotent; resolves when the socket is gone. */
  async close(): Promise<void> {
    this.#isClosing = true;
    clearTimeout(this.#keepalive);
    this.#realtime.close();
    try {
      await withDeadline(this.#closed.promise, closeTimeoutMs, "Closing the model session");
    } catch (error) {
      this.#options.logger.warn("realtime_close_forced", { error });
      this.#realtime.socket.terminate();
      // What is torn down here and now says so in the same turn; a socket whose own code failed never does.
      await withDeadline(this.#closed.promise, closeTimeoutMs, "Ending the model session's socket").catch((cause) =>
        this.#options.logger.error("realtime_close_failed", { error: cause }),
      );
    }
  }

  /** A failure of ours must not unwind into the socket's own code, which would never read again. */
  #onEvent(event: RealtimeServerEvent): void {
    try {
      this.#options.onEvent(event);
    } catch (error) {
      this.#options.logger.error("server_event_failed", { type: event?.type, error });
    }
  }

  #onTransportError({ error, message, cause }: { error?: unknown; message: string; cause?: unknown }): void {
    if (error !== undefined) return; // An `error` event of the server's: it came as an event.
    // What follows a failure that is known already only repeats it.
    const isOurs = this.#failure !== undefined || this.#isClosing;
    this.#options.logger[isOurs ? "debug" : "warn"]("realtime_transport_error", { error: cause ?? message });
    const certificate = wrongCertificate(cause);
    const retryable = certificate === undefined;
    this.#failure ??= modelErrorOf({ message: certificate ?? `${message}.` }, "model_unreachable", {
      cause,
      retryable,
    });
  }

  /** Waits, pings, and gives the server `pongTimeoutMs` to answer; the pong starts the next round. */
  #schedulePing(): void {
    const { pingIntervalMs = 15_000, pongTimeoutMs = 10_000 } = this.#options;
    clearTimeout(this.#keepalive);
    if (!this.isOpen) return;
    this.#keepalive = setTimeout(() => {
      this.#realtime.socket.ping();
      this.#keepalive = setTimeout(() => {
        this.#failure ??= modelErrorOf({ message: `No answer to a ping within ${pongTimeoutMs} ms.` }, "model_lost");
        this.#realtime.socket.terminate();
      }, pongTimeoutMs);
    }, pingIntervalMs);
  }

  #onClose(code: number, reason: string): void {
    clearTimeout(this.#keepalive);
    const detail = `WebSocket closed with code ${code}${reason === "" ? "" : `: ${reason}`}.`;
    const error = this.#failure ?? modelErrorOf({ code: codeOfCloseReason(reason), message: detail }, "model_lost");
    this.#opened.reject(error);
    // Nobody may be waiting for it any more.
    this.#opened.promise.catch(() => undefined);
    this.#options.onClosed(
      this.#isClosing ? { cause: "closed_by_us", code, detail } : { cause: "lost", code, detail, error },
    );
    this.#closed.resolve();
  }
}
