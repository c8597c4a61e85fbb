import type { RealtimeToolsConfigUnion } from "openai/resources/realtime/realtime";
import { longestTimerMs } from "../../deadline.ts";
import { InvalidInputError } from "../../errors.ts";

/** A function that the model may call, as it is told to the model. `parameters` is a JSON Schema of an object. */
export interface ToolDefinition {
  type?: "function";
  name: string;
  description?: string;
  parameters?: Record<string, unknown>;
}

export interface ToolContext {
  callId: string;
  /** Aborted when nobody waits for the result any more: the tool took too long, or the session ended. */
  signal: AbortSignal;
}

/**
 * Called with the model's arguments once they are complete. What it returns, or resolves to, goes to the model as JSON;
 * what it throws goes there as `{ "error": message }`.
 */
export type ToolHandler<Arguments = Record<string, unknown>> = (args: Arguments, context: ToolContext) => unknown;

export interface ToolOptions {
  /** The model gets an error instead of a result that takes longer. Default 30,000. */
  timeoutMs?: number | undefined;
  /**
   * Said into the silence when the tool takes longer than a second, e.g. "One moment, I am looking it up." Once for all tools
   * that the model calls together; never over anybody, and not where the result comes first.
   */
  speaking?: string | undefined;
  /**
   * The model says goodbye in the response that calls it: it is asked to speak about the result only where it said nothing
   * there, or where another tool was called with it. Default: false.
   */
  isFarewell?: boolean | undefined;
}

export interface Tool<Arguments = Record<string, unknown>> {
  definition: ToolDefinition;
  handler: ToolHandler<Arguments>;
  timeoutMs: number;
  speaking: string | undefined;
  isFarewell: boolean;
}

/** A tool that is not in a session yet: what `addTool` takes, in one. */
export interface NewTool extends ToolOptions {
  definition: ToolDefinition;
  handler: ToolHandler;
}

export const defaultToolTimeoutMs = 30_000;
/** What the server takes as a function's name. */
const namePattern = /^[A-Za-z0-9_-]{1,64}$/;

const nameOf = (tool: unknown): string | undefined => {
  const name = (tool as { name?: unknown } | null)?.name;
  return typeof name === "string" && name !== "" ? name : undefined;
};

/** The tools of one session: those with a handler here, and those that the application only declared and answers itself. */
export class Toolbox {
  readonly #tools = new Map<string, Tool>();
  #declared: readonly unknown[] = [];
  #changeCount = 0;

  get(name: string): Tool | undefined {
    return this.#tools.get(name);
  }

  /** Told to the model by the application, which has no handler here: its answer comes as a conversation item. */
  isDeclared(name: string): boolean {
    return this.#declared.some((tool) => nameOf(tool) === name);
  }

  /** Throws InvalidInputError: no name, no handler, a name that is taken. */
  add(definition: ToolDefinition, handler: ToolHandler, options: ToolOptions): Tool {
    const { timeoutMs = defaultToolTimeoutMs, speaking, isFarewell = false } = options;
    const name = nameOf(definition);
    if (name === undefined) throw new InvalidInputError("a tool needs a name: addTool({ name, … }, handler)");
    if (!namePattern.test(name)) {
      throw new InvalidInputError(`tool "${name}" needs another name: 1 to 64 letters, digits, "_" or "-"`);
    }
    if (this.isDeclared(name)) {
      throw new InvalidInputError(
        `tool "${name}" is in updateSession({ tools }): leave it out there before you add it`,
      );
    }
    if (this.#tools.has(name)) {
      throw new InvalidInputError(`tool "${name}" is there already: removeTool("${name}") before you add it again`);
    }
    if (typeof handler !== "function") {
      throw new InvalidInputError(`tool "${name}" needs a handler: addTool({ name: "${name}", … }, async (args) => …)`);
    }
    if (!(timeoutMs > 0 && timeoutMs <= longestTimerMs)) {
      throw new InvalidInputError(`timeoutMs of tool "${name}" must be above 0 and at most ${longestTimerMs}`);
    }
    if (speaking !== undefined && (typeof speaking !== "string" || speaking.trim() === "")) {
      throw new InvalidInputError(`speaking of tool "${name}" must be a sentence: { speaking: "One moment." }`);
    }
    const tool: Tool = { definition, handler, timeoutMs, speaking, isFarewell };
    this.#tools.set(name, tool);
    this.#changeCount += 1;
    return tool;
  }

  /** Throws InvalidInputError where there is none of this name. */
  remove(name: string): void {
    this.#changeCount += 1;
    if (this.#tools.delete(name)) return;
    const known = [...this.#tools.keys()].join(", ") || "none";
    throw new InvalidInputError(`there is no tool "${name}" to remove; added are: ${known}`);
  }

  /** `remove`: those of them that are there. Throws InvalidInputError as `add` does. */
  change({
    remove = [],
    add = [],
  }: {
    remove?: readonly string[] | undefined;
    add?: readonly NewTool[] | undefined;
  }): void {
    for (const name of remove) this.#tools.delete(name);
    this.#changeCount += 1;
    for (const { definition, handler, ...options } of add) this.add(definition, handler, options);
  }

  /** Does several changes; where one of them throws, none was made. `undo` takes them back, unless others came after them. */
  atomically<T>(changes: () => T): { result: T; undo: () => void } {
    const tools = [...this.#tools];
    const declared = this.#declared;
    const restore = () => {
      this.clear();
      for (const [name, tool] of tools) this.#tools.set(name, tool);
      this.#declared = declared;
    };
    try {
      const result = changes();
      const doneCount = this.#changeCount;
      return { result, undo: () => this.#changeCount === doneCount && restore() };
    } catch (error) {
      restore();
      throw error;
    }
  }

  /** What `updateSession({ tools })` names takes the place of what it named before. Throws InvalidInputError on a name that was added with a handler. */
  declare(tools: readonly unknown[]): void {
    const taken = tools.map(nameOf).find((name) => name !== undefined && this.#tools.has(name));
    if (taken !== undefined) {
      throw new InvalidInputError(`tool "${taken}" was added with a handler already: leave it out of updateSession`);
    }
    this.#declared = tools;
    this.#changeCount += 1;
  }

  clear(): void {
    this.#tools.clear();
    this.#declared = [];
    this.#changeCount += 1;
  }

  /** All of them, as the session's `tools`. */
  definitions(): RealtimeToolsConfigUnion[] {
    const added = [...this.#tools.values()].map(({ definition }) => ({ ...definition, type: "function" as const }));
    return [...(this.#declared as RealtimeToolsConfigUnion[]), ...added];
  }
}
