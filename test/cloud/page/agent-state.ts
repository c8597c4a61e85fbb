import type { AgentCaptionEvent, ShownState, AgentEvent as ToldEvent } from "../../../bridge-task/in-call/events.ts";
import type { CloudEvent } from "../event-log.ts";

/** What the agent does, as a person would put it. `gone` after it left; `absent` until anything is known. */
export type AgentPhase = "absent" | Exclude<ShownState, "left"> | "gone";

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
  /** User id of the person, where it is known. */
  userId: string | null;
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
  /** What the agent last said of itself; null before. */
  state: ShownState | null;
  /** The tool that it uses now. */
  tool: string | null;
  /** The agent's Stream user. */
  agentUserId: string | null;
  /** Its voice is heard here. */
  audible: boolean;
  /** How long an answer took whose words are not here yet. */
  answeredAfterMs: number | null;
  /** The ECS task that serves this call, once it is launched. */
  taskId: string | null;
  /** The model session of this call, once it is open: typed lines need it. */
  sessionId: string | null;
  /** How the agent left, or its task ended; null while it is there. */
  end: { reason: string | null; exitCode: number | null } | null;
}

/** What moves the view: what the agent tells in the call, what this page hears of it, and the local cloud's log. */
export type AgentEvent =
  | { type: "told"; event: ToldEvent }
  | { type: "audible"; audible: boolean }
  | { type: "answered"; afterMs: number }
  /** How the agent came into the call and how its task ended: what only an operator can see. */
  | { type: "cloud"; event: CloudEvent };

export const newCall = (call: { type: string; id: string }): AgentView => ({
  call,
  phase: "absent",
  milestones: [],
  lines: [],
  state: null,
  tool: null,
  agentUserId: null,
  audible: false,
  answeredAfterMs: null,
  taskId: null,
  sessionId: null,
  end: null,
});

const phaseOf = (view: AgentView): AgentPhase => {
  if (view.end) return "gone";
  if (view.audible) return "speaking";
  if (view.state !== null && view.state !== "left") return view.state;
  return view.milestones.length > 0 ? "joining" : "absent";
};

const onCaption = (view: AgentView, caption: AgentCaptionEvent): AgentView => {
  const { itemId: id, role: speaker, text, speaker: userId = null, final, interrupted } = caption;
  const known = view.lines.find((line) => line.id === id);
  // What nobody heard of the agent was not said.
  if (speaker === "agent" && final && text === "") {
    return { ...view, lines: view.lines.filter((line) => line !== known) };
  }
  const status = !final ? "growing" : interrupted ? "interrupted" : "complete";
  const isAnswer = speaker === "agent" && known === undefined;
  const answeredAfterMs = isAnswer ? view.answeredAfterMs : (known?.answeredAfterMs ?? null);
  const line: Line = { id, speaker, userId, text, status, answeredAfterMs };
  return {
    ...view,
    answeredAfterMs: isAnswer ? null : view.answeredAfterMs,
    lines: known ? view.lines.map((other) => (other === known ? line : other)) : [...view.lines, line],
  };
};

const onTold = (view: AgentView, event: ToldEvent): AgentView => {
  const seen = { ...view, agentUserId: event.agent };
  if (event.type === "agent.caption") return onCaption(seen, event);
  if (event.type !== "agent.state") return seen;
  const { state, tool = null, reason = null } = event;
  if (state === "left") return { ...seen, state, tool, audible: false, end: { exitCode: null, ...view.end, reason } };
  return { ...seen, state, tool, end: null };
};

/** The answer is the agent's newest line, or one whose words are still on their way. */
const onAnswered = (view: AgentView, afterMs: number): AgentView => {
  const last = view.lines.at(-1);
  if (last?.speaker !== "agent" || last.answeredAfterMs !== null) return { ...view, answeredAfterMs: afterMs };
  return { ...view, lines: [...view.lines.slice(0, -1), { ...last, answeredAfterMs: afterMs }] };
};

const textOf = (value: unknown): string => (typeof value === "string" ? value : "");
const recordOf = (value: unknown): Record<string, unknown> =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};

const reached = (view: AgentView, name: string, atMs: number): AgentView =>
  view.milestones.some((milestone) => milestone.name === name)
    ? view
    : { ...view, milestones: [...view.milestones, { name, atMs }] };

const jobOf = (data: Record<string, unknown>): Record<string, unknown> => {
  try {
    return recordOf(JSON.parse(textOf(recordOf(data.env).AGENT_JOB)));
  } catch {
    // A task without a job that can be read is not ours.
    return {};
  }
};

const onTask = (view: AgentView, { type, data, atMs }: CloudEvent): AgentView => {
  if (type === "task.pending" && (view.taskId === null || view.end !== null)) {
    const job = jobOf(data);
    const call = recordOf(job.call);
    if (call.type !== view.call.type || call.id !== view.call.id) return view;
    // Brought back, it comes by the same stages again.
    const milestones = view.end === null ? view.milestones : [];
    const launched = { ...view, milestones, end: null, state: null, sessionId: null, taskId: textOf(data.taskId) };
    return reached({ ...launched, agentUserId: textOf(job.agentUserId) }, "Task launched", atMs);
  }
  if (view.taskId === null || data.taskId !== view.taskId) return view;
  if (type === "task.running") return reached(view, "Process started", atMs);
  if (type !== "task.stopped") return view;
  const exitCode = typeof data.exitCode === "number" ? data.exitCode : null;
  return { ...view, audible: false, sessionId: null, end: { reason: view.end?.reason ?? null, exitCode } };
};

const onStream = (view: AgentView, { type, data, atMs }: CloudEvent): AgentView => {
  if (data.cid !== `${view.call.type}:${view.call.id}`) return view;
  if (type === "call.created") return reached(view, "Call created", atMs);
  if (view.agentUserId === null || data.userId !== view.agentUserId) return view;
  if (type === "sfu.joined") return reached(view, "In the call", atMs);
  return type === "sfu.first_voiced_packet" ? reached(view, "First word sent", atMs) : view;
};

const onOpenAi = (view: AgentView, { type, data, atMs }: CloudEvent): AgentView => {
  const sessionId = textOf(data.sessionId);
  // The model does not know calls: the first session that opens after this call's task was launched is taken for its own.
  if (type === "session.opened" && view.sessionId === null && view.taskId !== null && view.end === null) {
    return reached({ ...view, sessionId }, "Model session open", atMs);
  }
  if (sessionId === "" || sessionId !== view.sessionId) return view;
  if (type === "session.closed") return { ...view, sessionId: null };
  return type === "server.session.updated" ? reached(view, "Model session ready", atMs) : view;
};

const onCloud = (view: AgentView, event: CloudEvent): AgentView => {
  if (event.source === "aws") return onTask(view, event);
  if (event.source === "stream") return onStream(view, event);
  return event.source === "openai" ? onOpenAi(view, event) : view;
};

const moved = (view: AgentView, event: AgentEvent): AgentView => {
  if (event.type === "told") return onTold(view, event.event);
  if (event.type === "cloud") return onCloud(view, event.event);
  if (event.type === "answered") return onAnswered(view, event.afterMs);
  return { ...view, audible: event.audible && view.end === null };
};

/** The view after one more event. Pure; events of other calls change nothing. */
export const follow = (view: AgentView, event: AgentEvent): AgentView => {
  const next = moved(view, event);
  const phase = phaseOf(next);
  return next.phase === phase ? next : { ...next, phase };
};
