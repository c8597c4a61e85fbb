import { randomUUID } from "node:crypto";
import type { EventLog } from "../../event-log.ts";
import { type Json, record } from "./fields.ts";
import type { CoordinatorSocketFaults } from "./socket-faults.ts";
import type { Webhooks } from "./webhooks.ts";

/** One coordinator WebSocket that has authenticated. */
export interface Connection {
  id: string;
  userId: string;
  send(message: Json): void;
  /** Ends the socket; without a code there is no close frame. */
  end(code?: number): void;
  /** Calls whose events it gets: those touched by a REST request that carried its connection id. */
  watching: Set<string>;
}

/** Events that reach the members of a call also where they do not watch it. */
const toMembers = new Set([
  "call.created",
  "call.ring",
  "call.notification",
  "call.missed",
  "call.accepted",
  "call.rejected",
]);

/** Where every event of a call goes out from: to coordinator sockets, to webhooks, to the log. */
export class EventHub {
  readonly #connections = new Map<string, Connection>();
  readonly #webhooks: Webhooks;
  readonly #faults: CoordinatorSocketFaults;
  readonly #log: EventLog;

  constructor(options: { webhooks: Webhooks; faults: CoordinatorSocketFaults; log: EventLog }) {
    this.#webhooks = options.webhooks;
    this.#faults = options.faults;
    this.#log = options.log;
  }

  open(opened: Pick<Connection, "userId" | "send" | "end">): Connection {
    const connection: Connection = { id: randomUUID(), ...opened, watching: new Set() };
    this.#connections.set(connection.id, connection);
    return connection;
  }

  close(connection: Connection): void {
    this.#connections.delete(connection.id);
  }

  connections(): Connection[] {
    return [...this.#connections.values()];
  }

  /** False if no such connection is open. */
  watch(connectionId: string, cid: string): boolean {
    const connection = this.#connections.get(connectionId);
    connection?.watching.add(cid);
    return connection !== undefined;
  }

  emit(cid: string, type: string, payload: Json, memberIds: readonly string[] = []): void {
    const event: Json = { type, created_at: new Date().toISOString(), call_cid: cid, ...payload };
    this.#log.record("stream", type, { cid, ...summary(payload) });
    for (const connection of this.#connections.values()) {
      const isMember = toMembers.has(type) && memberIds.includes(connection.userId);
      if (connection.watching.has(cid) || isMember) this.#faults.deliver(event, connection.send);
    }
    this.#webhooks.send(event);
  }
}

/** What the log keeps of an event: who and which session, not the whole call. */
const summary = (payload: Json): Json => {
  const participant = record(payload.participant);
  const userId = record(participant.user).id ?? record(payload.user).id;
  return {
    ...(payload.session_id ? { sessionId: payload.session_id } : {}),
    ...(userId ? { userId } : {}),
    ...(participant.user_session_id ? { userSessionId: participant.user_session_id } : {}),
    ...(payload.reason ? { reason: payload.reason } : {}),
    ...(payload.custom ? { custom: payload.custom } : {}),
  };
};
