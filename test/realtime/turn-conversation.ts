import { initialTurn, reduceTurn } from "../../bridge-task/realtime/turn/turn.ts";
import type { ToolCall, TurnCommand, TurnEvent, TurnState, WakeKind } from "../../bridge-task/realtime/turn/types.ts";
import { type ClientMessage, isAside, SimulatedModel } from "./simulated-model.ts";
import { wish } from "./turn-harness.ts";

/** What may happen next, at either end or on the wire between. */
export type Action =
  | "type"
  | "ask"
  | "cancel"
  | "speak"
  | "stop"
  | "generate"
  | "call"
  | "finish"
  | "fail"
  | "slow tool"
  | "generate aside"
  | "finish aside"
  | "first tool"
  | "last tool"
  | "answer by hand"
  | "up"
  | "down"
  | "lose"
  | "double"
  | "play";

/** A reducer and a simulated server, everything on the wire between them arbitrarily late, but in order. */
export class TurnConversation {
  readonly #down: TurnEvent[] = [];
  readonly #up: ClientMessage[] = [];
  readonly #waiting = new Map<string, number>();
  readonly #running: ToolCall[] = [];
  readonly #deadlines: readonly WakeKind[];
  readonly sentMs = new Map<string, number>();
  /** Items in the order in which the voice was given the first of them. */
  readonly voiced: string[] = [];
  readonly typed: string[] = [];
  /** Calls that the reducer was told of. */
  readonly toldCallIds = new Set<string>();
  readonly runCallIds: string[] = [];
  /** How often the client asked for an answer to tools; attempts of the same do not count. */
  toolRequestCount = 0;
  /** Responses that the client asked for although everything had been answered, and it could have known. */
  readonly superfluousResponses: string[] = [];
  /** By `event_id` of the request: how many responses the client knew of when it was sent. */
  readonly #knownAtRequest = new Map<string, number>();
  #knownResponseCount = 0;
  readonly model = new SimulatedModel((event) => this.#down.push(event));
  state: TurnState = initialTurn;
  askCount = 0;

  /** `isReliable`: nothing is lost, so that no deadline is ever needed to go on, but for the pause after a failure. */
  constructor({ createResponse, isReliable = true }: { createResponse: boolean; isReliable?: boolean }) {
    this.#deadlines = isReliable ? ["retry", "aside"] : ["retry", "response", "speech", "aside"];
    this.model.answersSpeech = createResponse;
    this.#dispatch({ type: "session_updated", turnDetection: { createResponse, interruptedBy: "server" } });
  }

  do(action: Action): void {
    switch (action) {
      case "type": {
        const itemId = `typed_${this.typed.length}`;
        this.typed.push(itemId);
        this.#dispatch({ type: "item_sent", itemId });
        this.#up.push({ type: "item", itemId });
        // An application that sends its events raw does not name the items that it means.
        const sees = this.typed.length % 2 === 0 ? [] : [itemId];
        this.#dispatch({ type: "response_wanted", wish: wish(`w_${itemId}`, { sees }) });
        return;
      }
      case "ask":
        this.askCount += 1;
        this.#dispatch({
          type: "response_wanted",
          wish: wish(`ask_${this.askCount}`, { parameters: { metadata: null } }),
        });
        return;
      case "cancel":
        this.#dispatch({ type: "cancel_wanted" });
        return;
      case "speak":
        this.model.speak();
        return;
      case "stop":
        this.model.stopSpeaking();
        return;
      case "generate":
        this.model.generate();
        return;
      case "call":
        this.model.beginCall();
        return;
      case "finish":
        this.model.finish();
        return;
      case "fail":
        this.model.fail();
        return;
      case "slow tool": {
        const [call] = this.#running;
        if (call) this.#dispatch({ type: "tool_slow", itemId: call.itemId, sentence: "One moment." });
        return;
      }
      case "generate aside":
        this.model.generateAside();
        return;
      case "finish aside":
        this.model.finishAside();
        return;
      case "first tool":
        this.#finishTool(this.#running.shift());
        return;
      case "last tool":
        this.#finishTool(this.#running.pop());
        return;
      case "answer by hand":
        this.#answerByHand();
        return;
      case "up": {
        const message = this.#up.shift();
        if (message) this.#deliver(message);
        return;
      }
      case "down": {
        const event = this.#down.shift();
        if (event) this.#dispatch(event);
        return;
      }
      case "lose":
        this.model.lose(this.#down.shift());
        return;
      case "double": {
        const [event] = this.#down;
        // The same samples twice are no event told twice: the server would have to have made them.
        if (event && event.type !== "audio_received") this.#dispatch(event);
        return;
      }
      case "play":
        this.#play();
        return;
    }
  }

  /** Everybody falls silent, every tool ends, and everything under way arrives. */
  settle(): void {
    this.model.stopSpeaking();
    for (let round = 0; round < 10_000; round += 1) {
      this.do("first tool");
      this.do("up");
      this.do("down");
      this.do("play");
      if (this.#up.length > 0 || this.#down.length > 0 || this.#running.length > 0) continue;
      const kind = this.#deadlines.find((each) => this.state.wakes[each] !== undefined);
      const wake = kind && this.state.wakes[kind];
      if (this.model.isActive) this.model.finish();
      else if (this.model.asides.size > 0) this.model.finishAside();
      else if (kind !== undefined && wake !== undefined) this.#dispatch({ type: "woken", kind, wake });
      else if (this.#waiting.size === 0) return;
    }
    throw new Error("the conversation does not come to rest");
  }

  #dispatch(event: TurnEvent): void {
    if (event.type === "response_created") this.#knownResponseCount += 1;
    if (event.type === "tool_called") this.toldCallIds.add(event.call.callId);
    const { state, commands } = reduceTurn(this.state, event);
    this.state = state;
    for (const command of commands) this.#execute(command, event);
  }

  #execute(command: TurnCommand, event: TurnEvent): void {
    switch (command.type) {
      case "speak": {
        const { itemId } = command.part;
        if (this.voiced.at(-1) !== itemId) this.voiced.push(itemId);
        if (isAside(itemId) && !this.model.untoldAsides.has(itemId) && this.state.speech !== "quiet")
          throw new Error("an aside talks over a person");
        const ms = event.type === "audio_received" ? event.sampleCount / 24 : 0;
        this.#waiting.set(itemId, (this.#waiting.get(itemId) ?? 0) + ms);
        return;
      }
      case "cut_voice": {
        const parts = [...this.#waiting].map(([itemId, waitingMs]) => {
          const sentMs = this.sentMs.get(itemId) ?? 0;
          return { itemId, contentIndex: 0, receivedMs: sentMs + waitingMs, sentMs };
        });
        this.#waiting.clear();
        this.#dispatch({ type: "voice_cut", parts });
        return;
      }
      case "run_tool":
        this.runCallIds.push(command.call.callId);
        this.#running.push(command.call);
        return;
      case "create_response":
        if (/^tools_\d+$/.test(command.eventId)) this.toolRequestCount += 1;
        this.#knownAtRequest.set(command.eventId, this.#knownResponseCount);
        if (command.parameters?.conversation === "none" && !this.#isSilent())
          throw new Error("an aside is not into silence");
        this.#up.push(command);
        return;
      case "cancel_response":
      case "truncate_item":
      case "delete_item":
      case "send_tool_output":
        this.#up.push(command);
        return;
      case "abandon_wish":
        throw new Error(`${command.wish.id} was given up`);
    }
  }

  /** As far as the client knows: a tool runs, and nobody says anything. */
  #isSilent(): boolean {
    const { speech, response, isVoiceBusy, toolBatches } = this.state;
    const isToolRunning = toolBatches.some(({ running }) => running.length > 0);
    return isToolRunning && speech === "quiet" && response.phase === "none" && !isVoiceBusy && this.#waiting.size === 0;
  }

  #deliver(message: ClientMessage): void {
    const { responses } = this.model;
    const before = responses.length;
    const answered = responses.filter(({ outcome }) => outcome === "completed").flatMap(({ sees }) => [...sees]);
    this.model.receive(message);
    const begun = responses[before];
    if (message.type !== "create_response" || begun === undefined || message.parameters !== undefined) return;
    // A request may cross a response that the server begins by itself; and what failed, or was said while the server was
    // busy, is asked whatever else has been answered.
    const isExcused = this.#knownAtRequest.get(message.eventId) !== before || /^(retry|speech)_/.test(message.eventId);
    if (!isExcused && [...begun.sees].every((itemId) => answered.includes(itemId)))
      this.superfluousResponses.push(begun.id);
  }

  #finishTool(call: ToolCall | undefined): void {
    if (call) this.#dispatch({ type: "tool_finished", itemId: call.itemId, output: "null" });
  }

  /** The application does not wait for the handler, whose own result comes later. */
  #answerByHand(): void {
    const call = this.#running.find(({ callId }) =>
      this.state.toolBatches.some(({ running }) => running.some((other) => other.callId === callId)),
    );
    if (!call) return;
    const { callId } = call;
    const itemId = `by_hand_${callId}`;
    this.#up.push({ type: "item", itemId, answersCallId: callId });
    this.#dispatch({ type: "tool_answered", callId, outputItemId: itemId });
  }

  /** The mouth sends one frame of 20 ms. */
  #play(): void {
    const [first] = this.#waiting;
    if (first === undefined) return;
    const [itemId, waitingMs] = first;
    this.sentMs.set(itemId, (this.sentMs.get(itemId) ?? 0) + 20);
    if (waitingMs > 20) this.#waiting.set(itemId, waitingMs - 20);
    else this.#waiting.delete(itemId);
    if (this.#waiting.size === 0) this.#dispatch({ type: "voice_drained" });
  }
}
