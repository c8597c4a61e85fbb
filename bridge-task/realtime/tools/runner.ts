import { deferred } from "../../deadline.ts";
import { messageOf } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import type { ToolCall } from "../turn/types.ts";
import { maxOutputBytes, tooLongError } from "./output.ts";
import { ToolError } from "./tool-error.ts";
import { defaultToolTimeoutMs, type Tool, type Toolbox } from "./toolbox.ts";

const keptOfLongError = 1_000;
/** A tool that takes longer may have a sentence said meanwhile. */
const slowAfterMs = 1_000;

/** What becomes of a call: JSON text for the model, and how it came about. */
export interface ToolOutcome {
  /** JSON text. */
  output: string;
  status: "done" | "failed" | "timed_out" | "unknown" | "too_long" | "abandoned";
  /** What the handler threw. */
  error?: unknown;
}

/** A sentence for while a tool runs that takes its time. */
export interface SlowTool {
  call: ToolCall;
  sentence: string;
}

/** A call of the model's that begins to run. */
export interface StartedTool {
  name: string;
  callId: string;
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
  return bytes <= maxOutputBytes ? { output, status: "done" } : failureOf(tooLongError(name, bytes, output));
};

/** What a handler threw, as the output that goes to the model. */
const failureOf = (error: unknown): ToolOutcome => {
  const { failure, beginning } =
    error instanceof ToolError ? error : { failure: "failed" as const, beginning: undefined };
  return { output: errorOutput(messageOf(error), beginning === undefined ? {} : { beginning }), status: failure };
};

const argumentsOf = ({ name, arguments: text }: ToolCall): Record<string, unknown> => {
  if (text.trim() === "") return {};
  let args: unknown;
  try {
    args = JSON.parse(text);
  } catch (cause) {
    throw new ToolError(`The arguments of ${name} are not JSON: ${messageOf(cause)}`);
  }
  if (typeof args === "object" && args !== null && !Array.isArray(args)) return args as Record<string, unknown>;
  throw new ToolError(`The arguments of ${name} must be a JSON object.`);
};

/** Runs what the model calls. Every call has exactly one outcome, in bounded time, whatever its handler does. */
export class ToolRunner {
  readonly #tools: Toolbox;
  readonly #logger: Logger;
  readonly #onSlow: (slow: SlowTool) => void;
  readonly #running = new Map<ToolCall, AbortController>();

  /** `onSlow`: a tool with something to say meanwhile has taken a second. */
  constructor({ tools, onSlow, logger }: { tools: Toolbox; onSlow: (slow: SlowTool) => void; logger: Logger }) {
    this.#tools = tools;
    this.#onSlow = onSlow;
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
    // What a handler throws may hold what people said; a ToolError tells apart what is for the operator.
    const { cause, data } = outcome.error instanceof ToolError ? outcome.error : {};
    this.#logger[level]("tool_finished", { tool: name, callId, status: outcome.status, tookMs, ...data, cause });
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
    const sentence = tool?.speaking;
    const slow = sentence === undefined ? undefined : setTimeout(() => this.#onSlow({ call, sentence }), slowAfterMs);
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
      clearTimeout(slow);
    }
  }

  async #handle({ handler }: Tool, call: ToolCall, signal: AbortSignal): Promise<ToolOutcome> {
    try {
      const args = argumentsOf(call);
      return outcomeOf(call.name, await handler(args, { callId: call.callId, signal }));
    } catch (error) {
      return { ...failureOf(error), error };
    }
  }
}
