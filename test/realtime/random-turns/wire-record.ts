import type { ConversationItem, RealtimeServerEvent } from "openai/resources/realtime/realtime";
import type { RealtimeClient } from "../../../bridge-task/realtime/client.ts";
import type { RealtimeRecord } from "../../../bridge-task/realtime/client-events.ts";

const keptLines = 80;
/** Something that may never come is waited for no longer. */
const patienceMs = 12;

/** What crossed the wire in a long run: counted, with the end of it kept to read. */
export class WireRecord {
  readonly openResponseIds = new Set<string>();
  readonly truncatedIds = new Set<string>();
  /** What the server does by itself when a person speaks, as it was in force for the latest event. */
  server = { answers: false, interrupts: false };
  /** How often the client told that an item is complete. */
  readonly completions = new Map<string, number>();
  /** The server's errors, by code. */
  readonly errors = new Map<string, number>();
  /** What the model must still be asked about: items of people and of tools that no response has begun after. */
  readonly unansweredIds = new Set<string>();
  /** Server events but for answers to settings. */
  eventCount = 0;
  readonly #outputIds = new Set<string>();
  /** Written messages that the server has not shown yet, and whether they are to be answered. */
  readonly #written = new Map<string, boolean>();
  /** What was said last, as far as voice activity detection tells. */
  #saidId: string | undefined;
  readonly #counts = new Map<string, number>();
  readonly #lines: string[] = [];
  readonly #watchers = new Set<(event: RealtimeServerEvent) => void>();

  constructor(client: RealtimeClient) {
    client.on("realtime.event", (record) => this.#take(record));
    client.on("conversation.item.completed", ({ item }) => increase(this.completions, item.id));
  }

  /** The latest events of both sides, oldest first. */
  get tail(): string {
    return this.#lines.join("\n");
  }

  count(type: RealtimeRecord["event"]["type"]): number {
    return this.#counts.get(type) ?? 0;
  }

  /** The application wants no answer to what people said so far; tools are not its to silence. */
  cancelled(): void {
    for (const id of this.#written.keys()) this.#written.set(id, false);
    for (const id of this.unansweredIds) if (!this.#outputIds.has(id)) this.unansweredIds.delete(id);
  }

  /** The next server event of one of these types, or none for a while. */
  next(...types: RealtimeServerEvent["type"][]): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#watchers.delete(watcher);
        resolve();
      };
      const watcher = ({ type }: RealtimeServerEvent) => types.includes(type) && end();
      const timer = setTimeout(end, patienceMs);
      this.#watchers.add(watcher);
    });
  }

  /** All other items are in no conversation any more. */
  forgetItemsBut(keptId: string): void {
    this.truncatedIds.clear();
    for (const id of this.completions.keys()) if (id !== keptId) this.completions.delete(id);
  }

  #take({ source, event }: RealtimeRecord): void {
    increase(this.#counts, event.type);
    if (this.#lines.length >= keptLines) this.#lines.shift();
    this.#lines.push(`${source === "client" ? ">" : "<"} ${lineOf(event)}`);
    if (source === "server") this.#takeFromServer(event);
    else if (event.type === "conversation.item.create" && isOfPerson(event.item))
      this.#written.set(`${event.item.id}`, true);
  }

  #takeFromServer(event: RealtimeServerEvent): void {
    if (event.type === "session.updated") this.server = mannersOf(event);
    else this.eventCount += 1;
    if (event.type === "response.created" && event.response.id) this.openResponseIds.add(event.response.id);
    if (event.type === "response.created" && event.response.conversation_id) this.#answered();
    if (event.type === "input_audio_buffer.speech_stopped") this.#saidId = event.item_id;
    if (event.type === "conversation.item.added") this.#added(event.item);
    if (event.type === "response.done" && event.response.id) this.openResponseIds.delete(event.response.id);
    if (event.type === "conversation.item.truncated") this.truncatedIds.add(event.item_id);
    if (event.type === "error") increase(this.errors, event.error.code ?? event.error.type);
    for (const watcher of [...this.#watchers]) watcher(event);
  }

  #answered(): void {
    this.unansweredIds.clear();
    this.#outputIds.clear();
  }

  #added(item: ConversationItem): void {
    const { id = "" } = item;
    const isToBeAnswered = this.#written.get(id) ?? (this.server.answers && id === this.#saidId);
    this.#written.delete(id);
    if (item.type === "function_call_output") this.#outputIds.add(id);
    if (item.type === "function_call_output" || (isOfPerson(item) && isToBeAnswered)) this.unansweredIds.add(id);
  }
}

const isOfPerson = (item: ConversationItem) => item.type === "message" && item.role === "user";

const mannersOf = ({ session }: Extract<RealtimeServerEvent, { type: "session.updated" }>) => {
  const detection = session.type === "realtime" ? session.audio?.input?.turn_detection : undefined;
  return { answers: detection?.create_response === true, interrupts: detection?.interrupt_response === true };
};

const increase = (counts: Map<string, number>, key: string): void => {
  counts.set(key, (counts.get(key) ?? 0) + 1);
};

const longestText = 60;

const lineOf = (event: RealtimeRecord["event"]): string =>
  JSON.stringify(event, (key, value: unknown) => {
    if (key === "obfuscation") return undefined;
    return typeof value === "string" && value.length > longestText ? `${value.length} characters` : value;
  });
