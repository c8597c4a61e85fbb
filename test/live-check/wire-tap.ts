import { EventEmitter } from "node:events";
import type { IncomingMessage } from "node:http";
import { fromBinary, toJson } from "@bufbuild/protobuf";
import { WebSocket } from "ws";
import { BridgeError } from "../../bridge-task/errors.ts";
import { SfuEventSchema, SfuRequestSchema } from "../../bridge-task/stream/generated/events_pb.js";
import { SignalServer } from "../../bridge-task/stream/generated/signal_pb.js";
import { epochMs } from "../cloud/event-log.ts";
import type { Exchange, Frame, Observations } from "./observations.ts";
import { plainExchange, withoutContent } from "./wire-content.ts";

type Json = Record<string, unknown>;
type Service = Frame["service"];

/** A run has a few thousand; beyond it something runs away, and the first ones tell more. */
const maxFrames = 30_000;
const maxExchanges = 5_000;

const serviceOf = (url: URL): Service | undefined => {
  if (url.pathname.endsWith("/connect")) return "coordinator";
  if (url.searchParams.has("user_session_id")) return "sfu";
  return url.pathname.endsWith("/realtime") ? "openai" : undefined;
};

/** `{ joinResponse: { … } }` of a protobuf message as its type and its content. */
const ofOneof = (message: Json): { type: string; event: Json } => {
  const [type = "unknown", event = {}] = Object.entries(message)[0] ?? [];
  return { type, event: event as Json };
};

const decode = (service: Service, direction: Frame["direction"], data: unknown): { type: string; event: Json } => {
  if (service !== "sfu") {
    const event = JSON.parse(String(data)) as Json | [Json];
    const one = Array.isArray(event) ? event[0] : event;
    return { type: String(one.type ?? "hello"), event: one };
  }
  const bytes = new Uint8Array(data as Buffer);
  return ofOneof(
    direction === "in"
      ? (toJson(SfuEventSchema, fromBinary(SfuEventSchema, bytes)) as Json)
      : (toJson(SfuRequestSchema, fromBinary(SfuRequestSchema, bytes)) as Json),
  );
};

interface KnownSocket {
  service: Service;
  number: number;
  user: string | null;
}

/**
 * Watches what this process sends and receives, at its edge: the WebSockets of `ws` and the global `fetch`. The code under
 * observation knows nothing of it. One at a time, and `close` puts everything back.
 */
export class WireTap {
  /** A run that is cut short: what goes on of it must make nothing anew that is being deleted. */
  allowsOnlyDeleting = false;
  /** This user's wishes for sound are answered here and never reach the SFU. */
  withholdsSubscriptionsOf: string | undefined;
  /** How often that was done. */
  withheldCount = 0;
  readonly #seen: Observations;
  readonly #sockets = new WeakMap<WebSocket, KnownSocket | "other">();
  readonly #userOfSession = new Map<string, string>();
  readonly #watchers = new Set<(frame: Frame) => void>();
  readonly #pending = new Set<Promise<Response>>();
  readonly #fetch = globalThis.fetch;
  readonly #send = WebSocket.prototype.send;
  #socketCount = 0;

  constructor(seen: Observations) {
    this.#seen = seen;
    const tap = this;
    const send = this.#send;
    WebSocket.prototype.send = function (this: WebSocket, ...args: unknown[]) {
      // A socket that says hello makes its user anew.
      if (tap.allowsOnlyDeleting && tap.#known(this)) return this.terminate();
      tap.#record(this, "out", args[0]);
      return Reflect.apply(send, this, args);
    } as typeof send;
    Object.defineProperty(WebSocket.prototype, "emit", {
      configurable: true,
      value(this: WebSocket, name: string, ...args: unknown[]) {
        if (name === "message") tap.#record(this, "in", args[0]);
        if (name === "upgrade") tap.#upgraded(this, args[0] as IncomingMessage);
        return Reflect.apply(EventEmitter.prototype.emit, this, [name, ...args]);
      },
    });
    globalThis.fetch = (input, init) => this.#exchange(input, init);
  }

  /** Each frame as it passes. The result ends it. */
  watch(watcher: (frame: Frame) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** Resolves when what is being asked for is answered: until then something may be made yet. Never rejects. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#pending);
  }

  /** Idempotent. */
  close(): void {
    globalThis.fetch = this.#fetch;
    WebSocket.prototype.send = this.#send;
    Reflect.deleteProperty(WebSocket.prototype, "emit");
    this.#watchers.clear();
  }

  #known(socket: WebSocket): KnownSocket | undefined {
    const known = this.#sockets.get(socket);
    if (known !== undefined) return known === "other" ? undefined : known;
    const url = URL.canParse(socket.url ?? "") ? new URL(socket.url) : undefined;
    const service = url && serviceOf(url);
    if (url === undefined || service === undefined) {
      this.#sockets.set(socket, "other");
      return undefined;
    }
    this.#socketCount += 1;
    const made = { service, number: this.#socketCount, user: url.searchParams.get("user_id") };
    this.#sockets.set(socket, made);
    this.#remember(url);
    return made;
  }

  #remember(url: URL): void {
    const session = url.searchParams.get("user_session_id");
    if (session) this.#userOfSession.set(session, url.searchParams.get("user_id") ?? "");
  }

  #upgraded(socket: WebSocket, { headers }: IncomingMessage): void {
    if (this.#known(socket)?.service !== "openai") return;
    this.#seen.noted.limitHeaders = Object.keys(headers).filter((name) => /rate|limit/.test(name));
  }

  /** Never throws: what cannot be read is recorded as such, and the code that is observed goes on. */
  #record(socket: WebSocket, direction: Frame["direction"], data: unknown): void {
    const known = this.#known(socket);
    if (known === undefined || this.#seen.frames.length >= maxFrames) return;
    let message: { type: string; event: Json };
    try {
      message = decode(known.service, direction, data);
    } catch {
      message = { type: "unreadable", event: {} };
    }
    if (message.type === "input_audio_buffer.append") return;
    const { service, number, user } = known;
    const event = withoutContent(message.event) as Json;
    const of = user === null ? {} : { user };
    const frame: Frame = { atMs: epochMs(), service, socket: number, ...of, direction, type: message.type, event };
    this.#seen.frames.push(frame);
    for (const watch of [...this.#watchers]) watch(frame);
  }

  async #exchange(input: Parameters<typeof fetch>[0], init: Parameters<typeof fetch>[1]): Promise<Response> {
    const request = { url: input instanceof Request ? input.url : String(input), init: init ?? {} };
    if (this.allowsOnlyDeleting && !new URL(request.url).pathname.endsWith("/delete")) {
      throw new BridgeError("run_ended", "The run was ended: nothing is asked for any more.");
    }
    const held = this.#withheld(request.url, init?.body);
    if (held) return held;
    const atMs = epochMs();
    try {
      const response = await this.#answer(this.#fetch(input, init));
      const body = new Uint8Array(await response.clone().arrayBuffer());
      this.#keep(plainExchange({ ...request, atMs, status: response.status, body }));
      return response;
    } catch (error) {
      this.#keep(plainExchange({ ...request, atMs, status: 0, body: new Uint8Array() }));
      throw error;
    }
  }

  async #answer(pending: Promise<Response>): Promise<Response> {
    this.#pending.add(pending);
    try {
      return await pending;
    } finally {
      this.#pending.delete(pending);
    }
  }

  #keep(exchange: Exchange): void {
    if (this.#seen.exchanges.length < maxExchanges) this.#seen.exchanges.push(exchange);
  }

  #withheld(url: string, body: unknown): Response | undefined {
    if (this.withholdsSubscriptionsOf === undefined || !url.endsWith("/UpdateSubscriptions")) return undefined;
    const { sessionId } = fromBinary(SignalServer.method.updateSubscriptions.input, body as Uint8Array);
    if (this.#userOfSession.get(sessionId) !== this.withholdsSubscriptionsOf) return undefined;
    this.withheldCount += 1;
    // No bytes are a whole message in protobuf: all of its fields at their defaults, and no error among them.
    return new Response(new Uint8Array(), { headers: { "content-type": "application/protobuf" } });
  }
}
