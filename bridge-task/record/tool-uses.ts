import type { RealtimeRecord } from "../realtime/client-events.ts";
import type { FinishedTool, StartedTool } from "../realtime/tools/runner.ts";
import { cut } from "./cut.ts";

type Finished = Pick<FinishedTool, "name" | "callId" | "status" | "tookMs">;

/** A tool began, or ended. */
export type ToolUse = { type: "began"; name: string; callId: string } | ({ type: "ended" } & Finished);

/** MCP servers name their tools as they like. */
const maxNameLength = 100;

/** More at once are not followed. */
const maxRunning = 64;

interface Running {
  name: string;
  beganAtMs: number;
  /** It has its output, from the application or from a handler whose end is told next. */
  tookMs?: number;
}

/**
 * Which tools the agent is using: functions wherever they run, those that the application answers itself, and those of MCP
 * servers, which the model's server runs. Times are of one clock, in ms.
 */
export class ToolUses {
  readonly #running = new Map<string, Running>();

  /** Names of the tools that run, in order of their beginning. */
  get running(): string[] {
    return [...this.#running.values()].filter(({ tookMs }) => tookMs === undefined).map(({ name }) => name);
  }

  apply({ source, event }: RealtimeRecord, nowMs: number): ToolUse[] {
    if (source === "client") {
      const { item } = event.type === "conversation.item.create" ? event : {};
      const running = item?.type === "function_call_output" ? this.#running.get(item.call_id) : undefined;
      if (running !== undefined) running.tookMs = nowMs - running.beganAtMs;
      return [];
    }
    const answered = this.#endAnswered();
    if (event.type === "response.output_item.added" && event.item.type === "mcp_call") {
      const { name, id: callId } = event.item;
      return callId === undefined ? answered : [...answered, ...this.started({ name, callId }, nowMs)];
    }
    if (event.type === "response.output_item.done" && event.item.type === "mcp_call") {
      const { id, error } = event.item;
      const running = this.#running.get(id ?? "");
      if (id === undefined || running === undefined) return answered;
      const status = error ? "failed" : "done";
      const tookMs = nowMs - running.beganAtMs;
      return [...answered, ...this.finished({ name: running.name, callId: id, status, tookMs })];
    }
    return answered;
  }

  /** A function begins. */
  started({ name, callId }: StartedTool, beganAtMs: number): ToolUse[] {
    if (this.#running.has(callId) || this.#running.size >= maxRunning) return [];
    const shown = cut(name, maxNameLength);
    this.#running.set(callId, { name: shown, beganAtMs });
    return [{ type: "began", name: shown, callId }];
  }

  /** A handler's call is over. */
  finished({ name, callId, status, tookMs }: Finished): ToolUse[] {
    this.#running.delete(callId);
    return [{ type: "ended", name: cut(name, maxNameLength), callId, status, tookMs }];
  }

  /** A handler's end is told before the server can answer its output. Whose is not was answered by the application. */
  #endAnswered(): ToolUse[] {
    return [...this.#running].flatMap(([callId, { name, tookMs }]) =>
      tookMs === undefined ? [] : this.finished({ name, callId, status: "done", tookMs }),
    );
  }
}
