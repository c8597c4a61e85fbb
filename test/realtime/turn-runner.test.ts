import type { RealtimeClientEvent } from "openai/resources/realtime/realtime";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createLogger } from "../../bridge-task/log.ts";
import { TurnRunner } from "../../bridge-task/realtime/turn/runner.ts";
import type { AgentState, ToolCall, Wish } from "../../bridge-task/realtime/turn/types.ts";
import type { SpokenPart, Voice } from "../../bridge-task/realtime/voice.ts";
import { audio, call, called, created, done, finished, part, wanted, withVad } from "./turn-harness.ts";

class FakeVoice implements Voice {
  parts: SpokenPart[] = [];
  finished: string[] = [];
  isFull = false;
  #onDrained: (() => void) | undefined;

  append(spoken: { itemId: string; contentIndex: number }, pcm: Int16Array): void {
    if (this.isFull) throw new Error("full");
    this.parts.push({ ...spoken, receivedMs: pcm.length / 24, sentMs: 0 });
  }

  finish(itemId: string): void {
    this.finished.push(itemId);
  }

  cut(): SpokenPart[] {
    const { parts } = this;
    this.sendAll();
    return parts;
  }

  drained(): Promise<void> {
    return new Promise((resolve) => {
      this.#onDrained = resolve;
    });
  }

  sendAll(): void {
    this.parts = [];
    this.#onDrained?.();
  }
}

const start = (runTool: (call: ToolCall) => void = () => undefined) => {
  const voice = new FakeVoice();
  const sent: RealtimeClientEvent[] = [];
  const states: AgentState[] = [];
  const abandoned: Wish[] = [];
  const run: ToolCall[] = [];
  const turn = new TurnRunner({
    voice,
    logger: createLogger({ write: () => undefined }),
    send: (event) => sent.push(event),
    runTool: (toolCall) => {
      run.push(toolCall);
      runTool(toolCall);
    },
    onAgentState: (state) => states.push(state),
    onAbandoned: (wish) => abandoned.push(wish),
  });
  turn.dispatch(withVad());
  return { turn, voice, sent, states, abandoned, run };
};

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("the shell around the turn", () => {
  it("sends a wish under its own id and gives it up after its deadlines", () => {
    const { turn, sent, abandoned } = start();
    turn.dispatch(wanted("own", { parameters: { instructions: "x" } }));
    expect(sent).toEqual([{ type: "response.create", event_id: "own", response: { instructions: "x" } }]);
    vi.advanceTimersByTime(600_000);
    expect(sent.map(({ event_id }) => event_id)).toEqual(["own", "own.1", "own.2", "own.3", "own.4"]);
    expect(abandoned).toMatchObject([{ id: "own" }]);
    turn.close();
  });

  it("runs a tool, sends its output as an item under its own id, then asks for the answer", () => {
    const { turn, sent, run, states } = start();
    turn.dispatch(created("r1"));
    turn.dispatch(called("r1", "a"));
    turn.dispatch(done("r1"));
    expect(run).toEqual([call("a")]);
    expect(sent).toEqual([]);
    turn.dispatch(finished("a", "42"));
    const [output, request] = sent;
    expect(output).toMatchObject({ type: "conversation.item.create" });
    expect(output).toHaveProperty("item", {
      id: output?.event_id,
      type: "function_call_output",
      call_id: "call_a",
      output: "42",
    });
    expect(request).toMatchObject({ type: "response.create" });
    expect(states).toEqual(["thinking"]);
    turn.close();
  });

  it("answers for a tool that cannot be started", () => {
    const { turn, sent } = start(() => {
      throw new Error("broken");
    });
    turn.dispatch(called("r1", "a"));
    expect(sent[0]).toMatchObject({ item: { call_id: "call_a", output: expect.stringContaining("error") } });
    expect(sent).toHaveLength(2);
    turn.close();
  });

  it("takes a result that comes before it has asked", () => {
    const { turn, sent } = start((toolCall) => turn.dispatch(finished(toolCall.itemId.replace("item_", ""))));
    turn.dispatch(created("r1"));
    turn.dispatch(called("r1", "a"));
    turn.dispatch(called("r1", "b"));
    turn.dispatch(done("r1"));
    expect(sent.map(({ type }) => type)).toEqual([
      "conversation.item.create",
      "conversation.item.create",
      "response.create",
    ]);
    turn.close();
  });

  it("cuts, truncates to the smaller of what was sent and what the application heard, and then asks for what is due", () => {
    const { turn, voice, sent } = start();
    turn.dispatch(created("r1"));
    turn.dispatch(called("r1", "a"));
    turn.dispatch(audio("r1", "item_1", 100), new Int16Array(2_400));
    turn.dispatch(finished("a"));
    voice.parts = [{ ...part("item_1"), receivedMs: 100, sentMs: 60 }];
    sent.length = 0;
    turn.dispatch({ type: "cancel_wanted", heard: { ...part("item_1"), ms: 41.7 } });
    turn.dispatch(done("r1", "cancelled"));
    expect(sent).toMatchObject([
      { type: "response.cancel", response_id: "r1" },
      { type: "conversation.item.truncate", item_id: "item_1", audio_end_ms: 41 },
      { type: "response.create" },
    ]);
    turn.close();
  });

  it("ends the reply, not the session, when the voice takes no more", async () => {
    const { turn, voice, sent } = start();
    turn.dispatch(created("r1"));
    voice.isFull = true;
    turn.dispatch(audio("r1", "item_1", 100), new Int16Array(2_400));
    expect(sent).toMatchObject([{ type: "response.cancel" }, { type: "conversation.item.delete", item_id: "item_1" }]);
    voice.isFull = false;
    turn.dispatch(done("r1", "cancelled"));
    turn.dispatch(created("r2"));
    turn.dispatch(audio("r2", "item_2", 100), new Int16Array(2_400));
    expect(turn.agentState).toBe("speaking");
    turn.dispatch(done("r2"));
    expect(voice.finished).toEqual(["item_2"]);
    voice.sendAll();
    await vi.advanceTimersByTimeAsync(0);
    expect(turn.agentState).toBe("listening");
    turn.close();
  });

  it("does nothing any more once closed", () => {
    const { turn, sent } = start();
    turn.dispatch(called("r1", "a"));
    turn.close();
    turn.dispatch(finished("a"));
    vi.advanceTimersByTime(600_000);
    expect(sent).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });
});
