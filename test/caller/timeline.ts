import { userId as agentUserId } from "../../bridge-task/agents/lucy/joins.ts";
import { type CloudEvent, epochMs } from "../cloud/event-log.ts";

/** Who did something, as a person following the call sees it. */
export type Who = "cloud" | "webhook" | "task" | "model" | "agent" | "caller" | "host";

export interface TimelineEntry {
  atMs: number;
  who: Who;
  what: string;
}

/** What happened in a call, printed as it happens. */
export class Timeline {
  readonly startedAtMs = epochMs();
  readonly entries: TimelineEntry[] = [];
  readonly #print: (line: string) => void;

  constructor(print: (line: string) => void) {
    this.#print = print;
  }

  note(who: Who, what: string, atMs = epochMs()): void {
    this.entries.push({ atMs, who, what });
    const seconds = ((atMs - this.startedAtMs) / 1_000).toFixed(2).padStart(7);
    this.#print(`${seconds} s  ${who.padEnd(7)}  ${what}`);
  }
}

const shortOf = (text: unknown): string => String(text ?? "").slice(0, 100);

interface ModelEvent {
  transcript?: string;
  audio_end_ms?: number;
}

/** The events of the local cloud that tell the story of a call; undefined for all others. */
export const storyOf = ({ source, type, data }: CloudEvent): { who: Who; what: string } | undefined => {
  const event = (data.event ?? {}) as ModelEvent;
  switch (`${source} ${type}`) {
    case "stream webhook.delivered":
      return data.type === "call.created"
        ? { who: "webhook", what: `told of the new call, answered ${data.outcome}` }
        : undefined;
    case "stream webhook.failed":
      return { who: "webhook", what: `failed for ${data.type}: ${data.outcome}` };
    case "stream sfu.joined":
      return { who: data.userId === agentUserId ? "agent" : "caller", what: `in the call, as ${data.userId}` };
    case "aws task.running":
      return { who: "task", what: `started, pid ${data.pid}` };
    case "aws task.stopped":
      return { who: "task", what: `ended, exit code ${data.exitCode ?? "none"}` };
    case "openai session.opened":
      return { who: "model", what: `session opened, ${data.model}` };
    case "openai session.closed":
      return { who: "model", what: `session closed, ${data.code}` };
    case "openai server.response.output_audio_transcript.done":
      return { who: "model", what: `has said: ${shortOf(event.transcript)}` };
    case "openai client.conversation.item.truncate":
      return { who: "agent", what: `told the model how much was heard: ${event.audio_end_ms} ms` };
    default:
      return undefined;
  }
};
