import type { EffectiveTurnDetection } from "../../bridge-task/realtime/session/config.ts";
import { initialTurn, reduceTurn } from "../../bridge-task/realtime/turn/turn.ts";
import type {
  ToolCall,
  TurnCommand,
  TurnEvent,
  TurnState,
  WakeKind,
  Wish,
} from "../../bridge-task/realtime/turn/types.ts";
import type { SpokenPart } from "../../bridge-task/realtime/voice.ts";

export const wish = (id: string, wanted: Partial<Wish> = {}): Wish => ({
  id,
  parameters: undefined,
  sees: [],
  yieldsToSpeech: false,
  attemptCount: 0,
  ...wanted,
});

export const part = (itemId: string) => ({ itemId, contentIndex: 0 });

export const call = (id: string): ToolCall => ({
  itemId: `item_${id}`,
  callId: `call_${id}`,
  name: "look_up",
  arguments: `{"id":"${id}"}`,
});

export const called = (responseId: string, id: string): TurnEvent => ({
  type: "tool_called",
  responseId,
  call: call(id),
});

export const finished = (id: string, output = `{"found":"${id}"}`): TurnEvent => ({
  type: "tool_finished",
  itemId: `item_${id}`,
  output,
});

export const audio = (responseId: string, itemId: string, ms: number): TurnEvent => ({
  type: "audio_received",
  responseId,
  part: part(itemId),
  sampleCount: ms * 24,
});

export const created = (responseId: string, isInConversation = true): TurnEvent => ({
  type: "response_created",
  responseId,
  isInConversation,
});

export const done = (
  responseId: string,
  outcome: "completed" | "cancelled" | "failed" | "failed_for_now" = "completed",
): TurnEvent => ({ type: "response_done", responseId, outcome });

export const wanted = (id: string, more: Partial<Wish> = {}): TurnEvent => ({
  type: "response_wanted",
  wish: wish(id, more),
});

export const withVad = (
  interruptedBy: EffectiveTurnDetection["interruptedBy"] = "server",
  createResponse = true,
): TurnEvent => ({
  type: "session_updated",
  turnDetection: { createResponse, interruptedBy },
});

/** Runs events and keeps what each brought about. Wakes are left out of `commands`: `fire` reads them from the state. */
export class Turn {
  state: TurnState = initialTurn;

  constructor(...events: TurnEvent[]) {
    this.run(withVad(), ...events);
  }

  /** The commands of all these events, in order. */
  run(...events: TurnEvent[]): TurnCommand[] {
    return events.flatMap((event) => {
      const { state, commands } = reduceTurn(this.state, event);
      this.state = state;
      return commands.filter(({ type }) => type !== "wake");
    });
  }

  types(...events: TurnEvent[]): string[] {
    return this.run(...events).map(({ type }) => type);
  }

  cut(...parts: Partial<SpokenPart>[]): TurnCommand[] {
    const whole = parts.map((each) => ({ itemId: "item_1", contentIndex: 0, receivedMs: 0, sentMs: 0, ...each }));
    return this.run({ type: "voice_cut", parts: whole });
  }

  fire(kind: WakeKind): TurnCommand[] {
    const wake = this.state.wakes[kind];
    return wake === undefined ? [] : this.run({ type: "woken", kind, wake });
  }
}
