import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createLogger } from "../../bridge-task/log.ts";
import { outcomeOf, type SlowTool, ToolRunner } from "../../bridge-task/realtime/tools/runner.ts";
import { ToolError } from "../../bridge-task/realtime/tools/tool-error.ts";
import { Toolbox, type ToolContext, type ToolHandler } from "../../bridge-task/realtime/tools/toolbox.ts";

const call = (text = "{}", name = "tool") => ({ itemId: "item_1", callId: "call_1", name, arguments: text });

const start = (handler?: ToolHandler, timeoutMs?: number, onSlow: (slow: SlowTool) => void = () => {}) => {
  const log: { event: string; [field: string]: unknown }[] = [];
  const tools = new Toolbox();
  if (handler) tools.add({ name: "tool" }, handler, timeoutMs === undefined ? {} : { timeoutMs });
  const logger = createLogger({ level: "debug", write: (line) => log.push(JSON.parse(line)) });
  return { tools, runner: new ToolRunner({ tools, onSlow, logger }), log };
};

const errorIn = (output: string): unknown => JSON.parse(output).error;

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

describe("what a tool gives back", () => {
  it.each([
    [{ ok: true }, '{"ok":true}'],
    ["text", '"text"'],
    [undefined, "null"],
    [null, "null"],
    [() => 1, "null"],
  ])("%o goes to the model as %s", (result, output) => {
    expect(outcomeOf("tool", result)).toEqual({ output, status: "done" });
  });

  it("is an error where it is not JSON", () => {
    const circular: Record<string, unknown> = {};
    circular.self = circular;
    for (const result of [circular, { big: 1n }]) {
      const { output, status } = outcomeOf("tool", result);
      expect(status).toBe("failed");
      expect(errorIn(output)).toMatch(/not JSON/);
    }
  });

  it("is text that every server takes, also where it was cut in the middle of a character", () => {
    expect(outcomeOf("tool", "\ud83d").output).toBe('"\\ud83d"');
    const { output } = outcomeOf("tool", `x${"😀".repeat(8_000)}`);
    expect(output.isWellFormed()).toBe(true);
    expect(JSON.parse(output).beginning).toHaveLength(2_000);
  });

  it("is at most 16 kB, counted in bytes; a longer one is an error with its beginning", () => {
    expect(outcomeOf("tool", "x".repeat(16_382)).status).toBe("done");
    const { output, status } = outcomeOf("tool", "é".repeat(8_192));
    expect(status).toBe("too_long");
    expect(errorIn(output)).toMatch(/too long: 16386 bytes, at most 16384/);
    expect(JSON.parse(output).beginning).toMatch(/^"é{100}/);
    expect(Buffer.byteLength(output)).toBeLessThan(16_384);
  });
});

describe("a call", () => {
  it("is run with its arguments; none at all are an empty object", async () => {
    const handler = vi.fn((_args: unknown, _context: ToolContext) => 1);
    const { runner } = start(handler);
    expect(await runner.run(call('{"a":[1]}'))).toMatchObject({ output: "1", status: "done" });
    expect(await runner.run(call(""))).toMatchObject({ output: "1" });
    expect(handler.mock.calls.map(([args]) => args)).toEqual([{ a: [1] }, {}]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("may bring much, and names and keys that objects have of themselves", async () => {
    const handler = vi.fn((_args: unknown) => 1);
    const { runner } = start(handler);
    const much = `{"__proto__":{"a":1},"text":"${"x".repeat(200_000)}"}`;
    expect(await runner.run(call(much))).toMatchObject({ status: "done" });
    expect(JSON.stringify(handler.mock.calls[0]?.[0])).toBe(much);
    for (const name of ["constructor", "__proto__", "toString"])
      expect(await runner.run(call("{}", name))).toMatchObject({ status: "unknown" });
  });

  it("takes at most 30 s, and its handler is told that nobody waits any more", async () => {
    let signal: AbortSignal | undefined;
    const { runner, log } = start((_args, context) => {
      signal = context.signal;
      return new Promise(() => undefined);
    });
    const output = runner.run(call());
    await vi.advanceTimersByTimeAsync(29_999);
    expect(signal?.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(errorIn((await output).output)).toMatch(/longer than 30 s/);
    expect(signal?.aborted).toBe(true);
    expect(log.at(-1)).toMatchObject({ event: "tool_finished", status: "timed_out" });
  });

  it("may have a time of its own", async () => {
    const { runner } = start(() => new Promise(() => undefined), 250);
    const output = runner.run(call());
    await vi.advanceTimersByTimeAsync(250);
    expect(errorIn((await output).output)).toMatch(/longer than 0.25 s/);
  });

  it("that the handler refuses is an error in the handler's words, which stay out of the log's plain fields", async () => {
    const error = new Error("Ann Lee has no account");
    const { runner, log } = start(() => Promise.reject(error));
    const finished = await runner.run(call());
    expect(finished).toMatchObject({ name: "tool", callId: "call_1", status: "failed", error });
    expect(finished.output).toBe('{"error":"Ann Lee has no account"}');
    expect(JSON.stringify(log)).not.toContain("Ann Lee");
  });

  it("whose arguments are no object is an error that says so, and the handler never sees them", async () => {
    const handler = vi.fn();
    for (const text of ["[1]", "null", '"text"', "{not json"]) {
      const { output, status } = await start(handler).runner.run(call(text));
      expect(errorIn(output)).toMatch(/arguments of tool/);
      expect(status).toBe("failed");
    }
    expect(handler).not.toHaveBeenCalled();
  });

  it("may say how it failed: the model gets the words, the log what is behind them", async () => {
    const cause = new Error("connect ECONNREFUSED 10.0.0.1");
    const failing = start(() => {
      throw new ToolError("tool is away.", { failure: "timed_out", cause });
    });
    expect(await failing.runner.run(call())).toMatchObject({
      output: '{"error":"tool is away."}',
      status: "timed_out",
    });
    expect(failing.log.at(-1)).toMatchObject({ cause: { message: cause.message } });
    const long = start(() => {
      throw new ToolError("Too long.", { failure: "too_long", beginning: "[1,2" });
    });
    expect(await long.runner.run(call())).toMatchObject({ output: '{"error":"Too long.","beginning":"[1,2"}' });
  });

  it("is told of as slow after a second, once, where its tool has something to say meanwhile", async () => {
    const slow: SlowTool[] = [];
    const { tools, runner } = start(undefined, undefined, (each) => slow.push(each));
    const { promise, resolve } = Promise.withResolvers<void>();
    tools.add({ name: "tool" }, () => promise, { speaking: "One moment." });
    const slowCall = call();
    const finished = runner.run(slowCall);
    await vi.advanceTimersByTimeAsync(999);
    expect(slow).toEqual([]);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(slow).toEqual([{ call: slowCall, sentence: "One moment." }]);
    resolve();
    await finished;
    await Promise.all([runner.run(call()), vi.advanceTimersByTimeAsync(2_000)]);
    expect(slow).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("of a tool that the application answers itself waits for nothing but the deadline, or the answer", async () => {
    const { runner, tools, log } = start();
    tools.declare([{ type: "function", name: "theirs" }]);
    const unanswered = runner.run(call("{}", "theirs"));
    await vi.advanceTimersByTimeAsync(30_000);
    expect(errorIn((await unanswered).output)).toMatch(/longer than/);
    const answered = runner.run(call("{}", "theirs"));
    runner.abandon("call_1");
    await answered;
    expect(log.at(-1)).toMatchObject({ status: "abandoned" });
    expect(vi.getTimerCount()).toBe(0);
  });

  it("ends with the session", async () => {
    const { runner } = start(
      (_args, { signal }) => new Promise((resolve) => signal.addEventListener("abort", resolve)),
    );
    const output = runner.run(call());
    runner.close();
    await output;
    expect(vi.getTimerCount()).toBe(0);
  });
});
