import type { AgentCaptionEvent, AgentEvent, AgentStateEvent, AgentToolEvent } from "../in-call/events.ts";
import { shownState } from "../in-call/shown-state.ts";
import type { RealtimeRecord } from "../realtime/client-events.ts";
import type { FinishedTool, StartedTool } from "../realtime/tools/runner.ts";
import type { AgentState } from "../realtime/turn/types.ts";
import type { UsedTool } from "./call-record.ts";
import { cut } from "./cut.ts";
import { spokenEventOf } from "./spoken-events.ts";
import type { RecordEvent } from "./tally.ts";
import { type ToolUse, ToolUses } from "./tool-uses.ts";
import { usageOf } from "./usage.ts";
import { type Utterance, Utterances, type UtterancesOptions } from "./utterances.ts";

/** An event for people in the call, without who tells it and when. */
export type Unaddressed<Event> = Event extends unknown ? Omit<Event, "agent" | "at"> : never;

/** Something of the session that somebody is told. */
export type Report =
  | { to: "record"; event: RecordEvent }
  | { to: "call"; event: Unaddressed<AgentEvent> }
  | {
      to: "backend";
      event: { type: "turn"; turn: Utterance } | { type: "tool.finished"; tool: UsedTool };
    };

/** Longer turns are cut: nobody speaks so long. */
const maxTurnLength = 16_000;

/** Makes of what happens in a session what the record, people in the call and the backend are told. Times are epoch ms. */
export class SessionLog {
  readonly #utterances: Utterances;
  readonly #tools = new ToolUses();
  #state: AgentState = "listening";

  constructor(options: UtterancesOptions) {
    this.#utterances = new Utterances(options);
  }

  onWire(record: RealtimeRecord, nowMs: number): Report[] {
    const spoken = spokenEventOf(record);
    const uses = this.#tools.apply(record, nowMs);
    const usage = record.source === "server" ? usageOf(record.event) : undefined;
    const reports: Report[] = [];
    // The state still is what it was when the person began: its change is told after this.
    if (spoken?.type === "speech_started" && this.#state === "speaking") {
      reports.push({ to: "record", event: { type: "interruption" } });
    }
    const said = spoken === undefined ? [] : this.#utterances.apply(spoken, nowMs);
    // A person's turn counts when it is taken in: its words come later, or never.
    if (spoken?.type === "committed" && said.length > 0) {
      reports.push({ to: "record", event: { type: "turn", role: "person" } });
    }
    reports.push(...said.flatMap(reportsOfUtterance));
    if (usage !== undefined) reports.push({ to: "record", event: { type: "usage", usage } });
    return [...reports, ...this.#onUses(uses)];
  }

  onState(state: AgentState, nowMs: number): Report[] {
    this.#state = state;
    const said = this.#utterances.apply({ type: "state", state }, nowMs);
    return [this.#stateReport(), ...said.flatMap(reportsOfUtterance)];
  }

  onToolStarted(started: StartedTool, nowMs: number): Report[] {
    return this.#onUses(this.#tools.started(started, nowMs));
  }

  onToolFinished(finished: FinishedTool): Report[] {
    return this.#onUses(this.#tools.finished(finished));
  }

  /** The stay is over. */
  finish(nowMs: number): Report[] {
    return this.#utterances.finish(nowMs).flatMap(reportsOfUtterance);
  }

  #onUses(uses: readonly ToolUse[]): Report[] {
    return uses.length === 0 ? [] : [...uses.flatMap(reportsOfUse), this.#stateReport()];
  }

  #stateReport(): Report {
    const event: Unaddressed<AgentStateEvent> = {
      type: "agent.state",
      ...shownState(this.#state, this.#tools.running),
    };
    return { to: "call", event };
  }
}

const reportsOfUse = (use: ToolUse): Report[] => {
  const { name, callId } = use;
  if (use.type === "began") {
    return [{ to: "call", event: { type: "agent.tool", name, callId, status: "started" } }];
  }
  const { status, tookMs } = use;
  const tool = { name, status, tookMs: Math.round(tookMs) };
  const shown: Unaddressed<AgentToolEvent> = {
    type: "agent.tool",
    name,
    callId,
    status: status === "done" ? "done" : "failed",
    tookMs: tool.tookMs,
  };
  return [
    { to: "record", event: { type: "tool", tool } },
    { to: "call", event: shown },
    { to: "backend", event: { type: "tool.finished", tool } },
  ];
};

const reportsOfUtterance = (utterance: Utterance): Report[] => {
  const { itemId, role, text, speaker, isFinal, isHeard, isInterrupted } = utterance;
  const isAgentsTurn = role === "agent" && isFinal && isHeard;
  const reports: Report[] = isAgentsTurn ? [{ to: "record", event: { type: "turn", role } }] : [];
  const caption: Unaddressed<AgentCaptionEvent> = {
    type: "agent.caption",
    role,
    text,
    ...(speaker === undefined ? {} : { speaker }),
    itemId,
    final: isFinal,
    ...(isFinal && isInterrupted ? { interrupted: true } : {}),
  };
  reports.push({ to: "call", event: caption });
  if (isFinal && text !== "") {
    const turn = { ...utterance, text: cut(text, maxTurnLength) };
    reports.push({ to: "backend", event: { type: "turn", turn } });
  }
  return reports;
};
