import { WebSocket } from "ws";
import { deferred, withDeadline } from "../../bridge-task/deadline.ts";
import { BridgeError, messageOf } from "../../bridge-task/errors.ts";
import type { ProbeAnswer } from "./observations.ts";

export type Event = Record<string, unknown> & { type: string };

const openMs = 15_000;
const answerMs = 10_000;

/** Of an error event, what is judged. */
const answerOf = (event: Event, eventId: string): ProbeAnswer => {
  if (event.type !== "error") return { type: event.type };
  const { code, param, message, event_id } = (event.error ?? {}) as Record<string, unknown>;
  return {
    type: "error",
    code: typeof code === "string" ? code : null,
    param: typeof param === "string" ? param : null,
    message: String(message ?? ""),
    namesEvent: event_id === eventId,
  };
};

/** A session of the protocol as it is, without any code of ours between the question and the answer. */
export class ProbeSession {
  readonly #socket: WebSocket;
  readonly #watchers = new Set<(event: Event) => void>();
  #sent = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on("message", (data) => {
      const event = JSON.parse(String(data)) as Event;
      for (const watch of [...this.#watchers]) watch(event);
    });
  }

  /** Resolves with the session once it is created. Throws BridgeError with what the server said instead. */
  static async open(options: { baseUrl: string; apiKey: string; model: string }): Promise<ProbeSession> {
    const url = new URL(`${options.baseUrl.replace(/\/+$/, "").replace(/^http/, "ws")}/realtime`);
    url.searchParams.set("model", options.model);
    const socket = new WebSocket(url, { headers: { authorization: `Bearer ${options.apiKey}` } });
    const failed = deferred<never>();
    failed.promise.catch(() => undefined);
    const fail = (what: string) =>
      failed.reject(new BridgeError("probe_session", `The model session for questions did not open: ${what}`));
    socket.on("error", (error) => fail(messageOf(error)));
    socket.on("close", (code, reason) => fail(`closed with ${code} ${String(reason)}`));
    const session = new ProbeSession(socket);
    const created = session.next((event) => event.type === "session.created", openMs, "session.created");
    await Promise.race([created, failed.promise]).catch((error: unknown) => {
      session.close();
      throw error;
    });
    return session;
  }

  /** Sends it under an id of its own, which is the result. */
  send(event: Event): string {
    this.#sent += 1;
    const eventId = `live_check_${this.#sent}`;
    this.#socket.send(JSON.stringify({ ...event, event_id: eventId }));
    return eventId;
  }

  /** The next event that fits. Rejects at the deadline. */
  next(fits: (event: Event) => boolean, timeoutMs: number, what: string): Promise<Event> {
    const found = deferred<Event>();
    const watch = (event: Event) => {
      if (fits(event)) found.resolve(event);
    };
    this.#watchers.add(watch);
    const event = withDeadline(found.promise, timeoutMs, what).finally(() => this.#watchers.delete(watch));
    // It may fail while something else is waited for: whoever waits for it is told all the same.
    event.catch(() => undefined);
    return event;
  }

  /**
   * Sends it and resolves with the first event of an accepted type (that fits) or with the error that answers it. An error that
   * names no event answers the question that is open. Without either in time: `{ type: "none" }`.
   */
  async ask(event: Event, accepted: string, fits: (event: Event) => boolean = () => true): Promise<ProbeAnswer> {
    let eventId = "";
    const answered = this.next(
      (answer) => {
        if (answer.type === accepted) return fits(answer);
        const named = answer.type === "error" ? (answer.error as { event_id?: unknown } | null)?.event_id : eventId;
        return answer.type === "error" && (named === eventId || named === null || named === undefined);
      },
      answerMs,
      `an answer to ${event.type}`,
    );
    eventId = this.send(event);
    return answered.then(
      (answer) => answerOf(answer, eventId),
      () => ({ type: "none" }),
    );
  }

  /** Idempotent. */
  close(): void {
    this.#watchers.clear();
    if (this.#socket.readyState === WebSocket.CONNECTING) this.#socket.terminate();
    else this.#socket.close(1000);
  }
}
