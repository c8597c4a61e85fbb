import type { RealtimeServerEvent } from "openai/resources/realtime/realtime";
import type { RealtimeClient } from "../../bridge-task/realtime/client.ts";
import type { RealtimeRecord } from "../../bridge-task/realtime/client-events.ts";

const keptLines = Number(process.env.TAIL ?? 400);
/** Something that never comes is not waited for any longer. */
const patienceMs = 25;

/** What crossed the wire in a long run: counted, with the end of it kept to read. */
export class WireRecord {
  readonly counts = new Map<string, number>();
  /** Server errors, by code. */
  readonly errors = new Map<string, number>();
  readonly openResponseIds = new Set<string>();
  readonly truncatedIds = new Set<string>();
  /** How often completion was told, by item. */
  readonly completions = new Map<string, number>();
  /** Server events but for answers to settings. */
  eventCount = 0;
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
    return this.counts.get(type) ?? 0;
  }

  /** The next server event for which `match` holds, or none for a while. */
  next(match: (event: RealtimeServerEvent) => boolean): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#watchers.delete(watcher);
        resolve();
      };
      const watcher = (event: RealtimeServerEvent) => match(event) && end();
      const timer = setTimeout(end, patienceMs);
      this.#watchers.add(watcher);
    });
  }

  #take({ source, event }: RealtimeRecord): void {
    increase(this.counts, event.type);
    this.#note(`${source === "client" ? ">" : "<"} ${lineOf(event)}`);
    if (source === "client") return;
    if (event.type !== "session.updated") this.eventCount += 1;
    if (event.type === "response.created" && event.response.id) this.openResponseIds.add(event.response.id);
    if (event.type === "response.done" && event.response.id) this.openResponseIds.delete(event.response.id);
    if (event.type === "conversation.item.truncated") this.truncatedIds.add(event.item_id);
    if (event.type === "error") increase(this.errors, event.error.code ?? event.error.type);
    for (const watcher of [...this.#watchers]) watcher(event);
  }

  #note(line: string): void {
    if (this.#lines.length >= keptLines) this.#lines.shift();
    this.#lines.push(line);
  }
}

const increase = (counts: Map<string, number>, key: string): void => {
  counts.set(key, (counts.get(key) ?? 0) + 1);
};

const lineOf = (event: object): string => {
  const text = JSON.stringify(event, (key, value) =>
    (key === "audio" || key === "delta") && typeof value === "string" && value.length > 40 ? `${value.length}` : value,
  );
  return text.replace(/"(event_id":"event_\w+|obfuscation":"\w*)",?/g, "").slice(0, 400);
};
