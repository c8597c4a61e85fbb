import type { CloudEvent } from "../event-log.ts";

/** What the agent does, as a person would put it. `gone` after it left; `absent` until anything is known. */
export type AgentPhase = "absent" | "joining" | "listening" | "thinking" | "speaking" | "gone";

/** One stage on the agent's way into the call. */
export interface Milestone {
  name: string;
  atMs: number;
}

/** Words as they come. A line is a person's turn or one item that the model says. */
export interface Line {
  /** The model's item. */
  id: string;
  speaker: "person" | "agent";
  text: string;
  status: "growing" | "complete" | "interrupted";
  /** From the end of the person's speech to the first sound of this line, as heard here; null while unknown. */
  answeredAfterMs: number | null;
}

export interface AgentView {
  call: { type: string; id: string };
  phase: AgentPhase;
  milestones: readonly Milestone[];
  lines: readonly Line[];
  /** The ECS task that serves this call, once it is launched. */
  taskId: string | null;
  /** The agent's Stream user. */
  agentUserId: string | null;
  /** The model session of this call, once it is open. */
  sessionId: string | null;
  inCall: boolean;
  /** Between the end of a person's turn and the first sound of the answer. */
  thinking: boolean;
  /** The voice: asked for and not heard yet, heard now, or at rest. */
  voice: "resting" | "awaited" | "audible";
  /** A response is being generated. */
  generating: boolean;
  /** When, at the latest, what was generated so far has been said (Unix epoch): audio comes faster than it is spoken. */
  spokenByMs: number;
  /** Lines that were typed and not yet heard by the model as a turn. */
  typed: readonly string[];
  /** How the agent's task ended; null while it runs. */
  end: { exitCode: number | null } | null;
}

/** What moves the view: the local cloud's log, what this page hears of the agent, lines typed here, and time. */
export type AgentEvent =
  | { type: "cloud"; event: CloudEvent }
  | { type: "audible"; audible: boolean }
  | { type: "answered"; afterMs: number }
  | { type: "typed"; text: string }
  | { type: "time"; nowMs: number };

/** What is sent arrives within this time, or not at all. */
const arrivalMs = 1_000;

export const newCall = (call: { type: string; id: string }): AgentView => ({
  call,
  phase: "absent",
  milestones: [],
  lines: [],
  taskId: null,
  agentUserId: null,
  sessionId: null,
  inCall: false,
  thinking: false,
  voice: "resting",
  generating: false,
  spokenByMs: 0,
  typed: [],
  end: null,
});

const phaseOf = (view: AgentView): AgentPhase => {
  if (view.end) return "gone";
  if (view.voice === "audible") return "speaking";
  if (view.thinking) return "thinking";
  if (view.voice === "awaited") return "speaking";
  if (view.inCall && view.sessionId !== null) return "listening";
  return view.milestones.length > 0 ? "joining" : "absent";
};

const textOf = (value: unknown): string => (typeof value === "string" ? value : "");
const recordOf = (value: unknown): Record<string, unknown> =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};

const reached = (view: AgentView, name: string, atMs: number): AgentView =>
  view.milestones.some((milestone) => milestone.name === name)
    ? view
    : { ...view, milestones: [...view.milestones, { name, atMs }] };

/** Changes the line of that item, adding it first where it is new. */
const withLine = (view: AgentView, id: string, speaker: Line["speaker"], change: (line: Line) => Line): AgentView => {
  const known = view.lines.find((line) => line.id === id);
  const line = change(known ?? { id, speaker, text: "", status: "growing", answeredAfterMs: null });
  return {
    ...view,
    lines: known ? view.lines.map((other) => (other === known ? line : other)) : [...view.lines, line],
  };
};

const closeLine = (view: AgentView, id: string, status: "complete" | "interrupted"): AgentView =>
  view.lines.some((line) => line.id === id)
    ? withLine(view, id, "agent", (line) => ({ ...line, status: line.status === "interrupted" ? line.status : status }))
    : view;

const jobOf = (data: Record<string, unknown>): Record<string, unknown> => {
  try {
    return recordOf(JSON.parse(textOf(recordOf(data.env).AGENT_JOB)));
  } catch {
    // A task without a job that can be read is not ours.
    return {};
  }
};

const onTask = (view: AgentView, { type, data, atMs }: CloudEvent): AgentView => {
  if (type === "task.pending" && view.taskId === null) {
    const job = jobOf(data);
    const call = recordOf(job.call);
    if (call.type !== view.call.type || call.id !== view.call.id) return view;
    const launched = { ...view, taskId: textOf(data.taskId), agentUserId: textOf(job.agentUserId) };
    return reached(launched, "Task launched", atMs);
  }
  if (view.taskId === null || data.taskId !== view.taskId) return view;
  if (type === "task.running") return reached(view, "Process started", atMs);
  if (type === "task.stopped") {
    const exitCode = typeof data.exitCode === "number" ? data.exitCode : null;
    return { ...view, inCall: false, thinking: false, voice: "resting", generating: false, end: { exitCode } };
  }
  return view;
};

const onStream = (view: AgentView, { type, data, atMs }: CloudEvent): AgentView => {
  if (data.cid !== `${view.call.type}:${view.call.id}`) return view;
  if (type === "call.created") return reached(view, "Call created", atMs);
  if (view.agentUserId === null || data.userId !== view.agentUserId) return view;
  if (type === "sfu.joined") return reached({ ...view, inCall: true }, "In the call", atMs);
  if (type === "sfu.first_voiced_packet") return reached(view, "First word sent", atMs);
  return type === "sfu.left" ? { ...view, inCall: false } : view;
};

/** The log has `{ bytes }` where the event had that much 24 kHz PCM16. */
const audioMsOf = (delta: unknown): number => {
  const { bytes } = recordOf(delta);
  return typeof bytes === "number" ? bytes / 48 : 0;
};

/** Server events of the Realtime protocol that a view is made of. */
const onModel = (view: AgentView, kind: string, event: Record<string, unknown>, atMs: number): AgentView => {
  const itemId = textOf(event.item_id);
  switch (kind) {
    case "input_audio_buffer.speech_started": {
      const interrupted = view.lines.reduce(
        (current, { id, speaker, status }) =>
          speaker === "agent" && status === "growing" ? closeLine(current, id, "interrupted") : current,
        view,
      );
      const quiet: AgentView = {
        ...interrupted,
        thinking: false,
        voice: view.voice === "audible" ? "audible" : "resting",
      };
      return withLine(quiet, itemId, "person", (line) => line);
    }
    case "input_audio_buffer.speech_stopped":
      return { ...view, thinking: true };
    case "input_audio_buffer.committed": {
      const [text = "", ...typed] = view.typed;
      return withLine({ ...view, typed }, itemId, "person", (line) => ({
        ...line,
        text: line.text || text,
        status: "complete",
      }));
    }
    case "conversation.item.input_audio_transcription.completed":
      return withLine(view, itemId, "person", (line) => ({
        ...line,
        text: textOf(event.transcript) || line.text,
        status: "complete",
      }));
    case "response.created":
      return { ...view, thinking: true, generating: true };
    case "response.output_audio_transcript.delta":
      return withLine(view, itemId, "agent", (line) => ({ ...line, text: line.text + textOf(event.delta) }));
    case "response.output_audio.delta":
      return {
        ...view,
        thinking: false,
        voice: view.voice === "audible" ? "audible" : "awaited",
        spokenByMs: Math.max(view.spokenByMs, atMs) + audioMsOf(event.delta),
      };
    case "conversation.item.truncated":
    case "conversation.item.deleted":
      return closeLine(view, itemId, "interrupted");
    case "response.done": {
      const status = recordOf(event.response).status === "completed" ? "complete" : "interrupted";
      const growing = view.lines.filter((line) => line.speaker === "agent" && line.status === "growing");
      const closed = growing.reduce((current, { id }) => closeLine(current, id, status), view);
      return { ...closed, generating: false, thinking: false };
    }
    default:
      return view;
  }
};

const onOpenAi = (view: AgentView, { type, data, atMs }: CloudEvent): AgentView => {
  const sessionId = textOf(data.sessionId);
  // The model does not know calls: the first session that opens after this call's task was launched is taken for its own.
  if (type === "session.opened" && view.sessionId === null && view.taskId !== null) {
    return reached({ ...view, sessionId }, "Model session open", atMs);
  }
  if (sessionId === "" || sessionId !== view.sessionId) return view;
  if (type === "session.closed") return { ...view, sessionId: null, thinking: false, generating: false };
  if (type === "server.session.updated") return reached(view, "Model session ready", atMs);
  return type.startsWith("server.") ? onModel(view, type.slice("server.".length), recordOf(data.event), atMs) : view;
};

const onCloud = (view: AgentView, event: CloudEvent): AgentView => {
  if (event.source === "aws") return onTask(view, event);
  if (event.source === "stream") return onStream(view, event);
  return event.source === "openai" ? onOpenAi(view, event) : view;
};

const onAudible = (view: AgentView, audible: boolean): AgentView => {
  if (audible) return { ...view, voice: "audible", thinking: false };
  return { ...view, voice: view.voice === "audible" ? (view.generating ? "awaited" : "resting") : view.voice };
};

/** A voice that should have been over by now and was never heard here is not waited for any longer. */
const onTime = (view: AgentView, nowMs: number): AgentView =>
  view.voice === "awaited" && !view.generating && nowMs > view.spokenByMs + arrivalMs
    ? { ...view, voice: "resting" }
    : view;

/** The answer is the agent's newest line, unless a person has spoken since. */
const onAnswered = (view: AgentView, afterMs: number): AgentView => {
  const last = view.lines.at(-1);
  if (last?.speaker !== "agent" || last.answeredAfterMs !== null) return view;
  return withLine(view, last.id, "agent", (line) => ({ ...line, answeredAfterMs: afterMs }));
};

const moved = (view: AgentView, event: AgentEvent): AgentView => {
  if (event.type === "cloud") return onCloud(view, event.event);
  if (event.type === "audible") return onAudible(view, event.audible);
  if (event.type === "time") return onTime(view, event.nowMs);
  if (event.type === "answered") return onAnswered(view, event.afterMs);
  return { ...view, typed: [...view.typed, event.text] };
};

/** The view after one more event. Pure; events of other calls change nothing. */
export const follow = (view: AgentView, event: AgentEvent): AgentView => {
  const next = moved(view, event);
  const phase = phaseOf(next);
  return next.phase === phase ? next : { ...next, phase };
};
