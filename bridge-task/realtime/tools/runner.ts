import { deferred } from "../../deadline.ts";
import { messageOf } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import type { ToolCall } from "../turn/types.ts";
import { defaultToolTimeoutMs, type Tool, type Toolbox } from "./toolbox.ts";

/** A longer result would fill the model's context; it gets an error and the beginning instead. */
const maxOutputBytes = 16_384;
const keptOfLongOutput = 2_000;
const keptOfLongError = 1_000;

/** What becomes of a call: JSON text for the model, and how it came about. */
export interface ToolOutcome {
  /** JSON text. */
  output: string;
  status: "done" | "failed" | "timed_out" | "unknown" | "too_long" | "abandoned";
  /** What the handler threw. */
  error?: unknown;
}

/** A call of the model's that is over. */
export interface FinishedTool extends ToolOutcome {
  name: string;
  callId: string;
  tookMs: number;
}

const errorOutput = (message: string, more: Record<string, string> = {}): string =>
  JSON.stringify({ error: message.slice(0, keptOfLongError), ...more });

/** A result as the output that goes to the model. */
export const outcomeOf = (name: string, result: unknown): ToolOutcome => {
  let output: string;
  try {
    // A tool that returns nothing has succeeded; the protocol wants an output all the same.
    output = JSON.stringify(result) ?? "null";
  } catch (error) {
    return {
      output: errorOutput(`The result of ${name} is not JSON: ${messageOf(error)}`),
      status: "failed",
    };
  }
  const bytes = Buffer.byteLength(output);
  if (bytes <= maxOutputBytes) return { output, status: "done" };
  const message = `The result of ${name} is too long: ${bytes} bytes, at most ${maxOutputBytes}. Only its beginning is here.`;
  return { output: errorOutput(message, { beginning: output.slice(0, keptOfLongOutput) }), status: "too_long" };
};

const argumentsOf = ({ name, arguments: text }: ToolCall): unknown => {
  if (text.trim() === "") return {};
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error(`The arguments of ${name} are not JSON: ${messageOf(cause)}`, { cause });
  }
};

/** Runs what the model calls. Every call has exactly one outcome, in bounded time, whatever its handler does. */
export class ToolRunner {
  readonly #tools: Toolbox;
  readonly #logger: Logger;
  readonly #running = new Map<ToolCall, AbortController>();

  constructor({ tools, logger }: { tools: Toolbox; logger: Logger }) {
    this.#tools = tools;
    this.#logger = logger;
  }

  /** Never rejects. The handler begins after whoever called this is done. */
  async run(call: ToolCall): Promise<FinishedTool> {
    const startedAtMs = performance.now();
    const abandoned = new AbortController();
    this.#running.set(call, abandoned);
    await Promise.resolve();
    const outcome = await this.#outcome(call, abandoned);
    this.#running.delete(call);
    const { name, callId } = call;
    const tookMs = Math.round(performance.now() - startedAtMs);
    const level = outcome.status === "done" || outcome.status === "abandoned" ? "info" : "warn";
    this.#logger[level]("tool_finished", { tool: name, callId, status: outcome.status, tookMs });
    return { name, callId, tookMs, ...outcome };
  }

  /** Nobody waits for this call's result any more: the application has answered it itself. */
  abandon(callId: string): void {
    for (const [call, controller] of this.#running) if (call.callId === callId) controller.abort();
  }

  /** Nobody waits for any result any more. */
  close(): void {
    for (const controller of this.#running.values()) controller.abort();
  }

  async #outcome(call: ToolCall, abandoned: AbortController): Promise<ToolOutcome> {
    const { name } = call;
    const tool = this.#tools.get(name);
    if (tool === undefined && !this.#tools.isDeclared(name)) {
      return { output: errorOutput(`Tool "${name}" has not been added.`), status: "unknown" };
    }
    const { promise: given, resolve: giveUp } = deferred<ToolOutcome>();
    const { signal } = abandoned;
    const onAbandoned = () => giveUp({ output: errorOutput(`Nobody waits for ${name}.`), status: "abandoned" });
    signal.addEventListener("abort", onAbandoned, { once: true });
    if (signal.aborted) onAbandoned();
    const timeoutMs = tool?.timeoutMs ?? defaultToolTimeoutMs;
    const timer = setTimeout(() => {
      const message = `${name} took longer than ${timeoutMs / 1_000} s. It may still succeed; its result is not known.`;
      giveUp({ output: errorOutput(message), status: "timed_out" });
      abandoned.abort();
    }, timeoutMs);
    try {
      // A tool without a handler is answered by the application: until then there is nothing but the deadline.
      return await (tool === undefined ? given : Promise.race([this.#handle(tool, call, signal), given]));
    } finally {
      clearTimeout(timer);
    }
  }

  async #handle({ handler }: Tool, call: ToolCall, signal: AbortSignal): Promise<ToolOutcome> {
    try {
      const args = argumentsOf(call) as Record<string, unknown>;
      return outcomeOf(call.name, await handler(args, { callId: call.callId, signal }));
    } catch (error) {
      return { output: errorOutput(messageOf(error)), status: "failed", error };
    }
  }
}
