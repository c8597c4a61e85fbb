import type { RealtimeClientEvent } from "openai/resources/realtime/realtime";
import type { Logger } from "../../log.ts";
import type { Voice } from "../voice.ts";
import { agentStateOf, initialTurn, reduceTurn } from "./turn.ts";
import type { AgentState, ToolCall, TurnCommand, TurnEvent, TurnState, WakeKind, Wish } from "./types.ts";

export interface TurnRunnerOptions {
  voice: Voice;
  send: (event: RealtimeClientEvent) => void;
  /** Runs a call; its one outcome comes back as `tool_finished`, whatever happens. */
  runTool: (call: ToolCall) => void;
  onAgentState: (state: AgentState) => void;
  /** A wish was refused too often, or too many waited. */
  onAbandoned: (wish: Wish) => void;
  logger: Logger;
}

/** The shell around the turn reducer: it holds its state, carries out its commands at once, and owns its timers. */
export class TurnRunner {
  readonly #options: TurnRunnerOptions;
  readonly #timers = new Map<WakeKind, NodeJS.Timeout>();
  #state: TurnState = initialTurn;
  #agentState: AgentState = agentStateOf(initialTurn);
  #isAwaitingDrain = false;
  #isClosed = false;

  constructor(options: TurnRunnerOptions) {
    this.#options = options;
  }

  get turnDetection(): TurnState["turnDetection"] {
    return this.#state.turnDetection;
  }

  get agentState(): AgentState {
    return this.#agentState;
  }

  /** `pcm`: the samples of an `audio_received`. */
  dispatch(event: TurnEvent, pcm?: Int16Array): void {
    if (this.#isClosed) return;
    const { state, commands } = reduceTurn(this.#state, event);
    this.#state = state;
    for (const command of commands) this.#execute(command, pcm);
    const agentState = agentStateOf(this.#state);
    if (agentState === this.#agentState) return;
    this.#agentState = agentState;
    this.#options.onAgentState(agentState);
  }

  close(): void {
    this.#isClosed = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }

  #execute(command: TurnCommand, pcm: Int16Array | undefined): void {
    const { voice, send, onAbandoned } = this.#options;
    switch (command.type) {
      case "speak":
        if (pcm !== undefined) this.#speak(command.part, pcm);
        return;
      case "finish_item":
        voice.finish(command.itemId);
        return;
      case "cut_voice":
        this.dispatch({ type: "voice_cut", parts: voice.cut() });
        return;
      case "wake":
        this.#wake(command);
        return;
      case "abandon_wish":
        onAbandoned(command.wish);
        return;
      case "run_tool":
        this.#runTool(command.call);
        return;
      default:
        send(clientEventOf(command));
    }
  }

  #runTool(call: ToolCall): void {
    const { runTool, logger } = this.#options;
    try {
      runTool(call);
    } catch (error) {
      // Whatever went wrong, the model must not wait for ever for what it asked.
      logger.error("tool_not_started", { tool: call.name, error });
      this.dispatch({ type: "tool_finished", itemId: call.itemId, output: notStartedOutput });
    }
  }

  #speak(part: { itemId: string; contentIndex: number }, pcm: Int16Array): void {
    const { voice, logger } = this.#options;
    try {
      voice.append(part, pcm);
    } catch (error) {
      // A voice that takes no more (its queue is full) must end the reply, not the session.
      logger.error("voice_refused_audio", { error });
      this.dispatch({ type: "audio_refused", part, sampleCount: pcm.length });
      return;
    }
    if (this.#isAwaitingDrain) return;
    this.#isAwaitingDrain = true;
    const onDrained = (error?: unknown) => {
      if (error !== undefined) logger.error("voice_drain_failed", { error });
      this.#isAwaitingDrain = false;
      this.dispatch({ type: "voice_drained" });
    };
    voice.drained().then(() => onDrained(), onDrained);
  }

  #wake({ kind, wake, afterMs }: Extract<TurnCommand, { type: "wake" }>): void {
    clearTimeout(this.#timers.get(kind));
    const timer = setTimeout(() => this.dispatch({ type: "woken", kind, wake }), afterMs);
    this.#timers.set(kind, timer);
  }
}

const notStartedOutput = JSON.stringify({ error: "The tool could not be started." });

type WireCommand = Extract<
  TurnCommand,
  { type: "create_response" | "cancel_response" | "truncate_item" | "delete_item" | "send_tool_output" }
>;

const clientEventOf = (command: WireCommand): RealtimeClientEvent => {
  switch (command.type) {
    case "create_response": {
      const { eventId, parameters } = command;
      return {
        type: "response.create",
        event_id: eventId,
        ...(parameters === undefined ? {} : { response: parameters }),
      };
    }
    case "cancel_response": {
      const { responseId } = command;
      return { type: "response.cancel", ...(responseId === undefined ? {} : { response_id: responseId }) };
    }
    case "truncate_item": {
      const { itemId, contentIndex, audioEndMs } = command;
      return {
        type: "conversation.item.truncate",
        item_id: itemId,
        content_index: contentIndex,
        audio_end_ms: audioEndMs,
      };
    }
    case "delete_item":
      return { type: "conversation.item.delete", item_id: command.itemId };
    case "send_tool_output": {
      const { itemId, callId, output } = command;
      return {
        type: "conversation.item.create",
        // An error names the event it answers: by this id it is known which item was refused.
        event_id: itemId,
        item: { id: itemId, type: "function_call_output", call_id: callId, output },
      };
    }
  }
};
