import type { AgentClient } from "../agent-client.ts";
import type { Agent, AgentCall, CallFacts, InProcessTool, McpTool } from "../agents/agent.ts";
import { type AttendanceLimits, defaultLimits } from "../attendance.ts";
import { withDeadline } from "../deadline.ts";
import { type Duration, requiredDurationMs } from "../duration.ts";
import { InvalidInputError } from "../errors.ts";
import type { AgentSettings, AgentUser, Assignment, UrlTool } from "../job.ts";
import { mergeSessions, normalizeSession } from "../realtime/session/config.ts";
import type { SessionUpdate } from "../realtime/session/keys.ts";
import type { ToolEntry } from "../tools/resolve.ts";

/** An agent for one call, with everything said: its definition, and what was said for this call laid over it. */
export interface Plan
  extends Required<Pick<AgentSettings, "join" | "onEmpty" | "inCall">>,
    Pick<AgentSettings, "model" | "greeting" | "events"> {
  user: AgentUser;
  session: SessionUpdate;
  /** One sentence per setting of the session that was left out or changed. */
  warnings: string[];
  tools: readonly ToolEntry[];
  /** Entries as they are said later, with names of the agent's own tools put right. */
  entriesOf: (said: readonly ToolEntry[]) => readonly ToolEntry[];
  limits: Pick<AttendanceLimits, "waitForMs" | "idleTimeoutMs" | "maxDurationMs">;
  /** For tools and `connected`; changed in place by updates. */
  data: Record<string, unknown>;
  connected: ((client: AgentClient) => Promise<void>) | undefined;
}

export interface PlanSources {
  agentUserId: string;
  /** Asked for only where something is a function of the call. */
  callFacts: () => Promise<CallFacts>;
  secret: (name: string) => string | undefined;
}

/** Longest wait for what an agent makes of the call: people are there, and nobody else would come. */
const ownPartTimeoutMs = 10_000;

/** Throws InvalidInputError that names every secret which is missing. */
const secretsOf = (names: readonly string[], secret: PlanSources["secret"]): Record<string, string> => {
  const missing = names.filter((name) => secret(name) === undefined);
  if (missing.length > 0) {
    throw new InvalidInputError(
      `the agent needs the secrets ${missing.join(", ")} in the task's environment: set them and deploy, or take them out of its definition`,
    );
  }
  return Object.fromEntries(names.map((name) => [name, secret(name) ?? ""]));
};

/** Names stand for the agent's own tools first, then for those that were deployed. */
const toolsOf = (said: readonly ToolEntry[], own: NonNullable<Agent["tools"]>): readonly ToolEntry[] => {
  const ownByName = new Map<string, UrlTool | InProcessTool | McpTool>();
  for (const tool of own) if (typeof tool !== "string" && "name" in tool) ownByName.set(tool.name, tool);
  return said.map((entry) => (typeof entry === "string" ? (ownByName.get(entry) ?? entry) : entry));
};

const sessionOf = (own: SessionUpdate, said: SessionUpdate): { session: SessionUpdate; warnings: string[] } => {
  // In the keys of today, so that an old flat key and its nested successor are the same setting.
  const [base, over] = [own, said].map((update) => normalizeSession(update, { voiceHeard: false }));
  return {
    session: mergeSessions(base?.session ?? { type: "realtime" }, over?.session),
    warnings: [...(base?.warnings ?? []), ...(over?.warnings ?? [])],
  };
};

const limitsOf = ({
  waitFor,
  idleTimeout,
  maxDuration,
}: Pick<AgentSettings, "waitFor" | "idleTimeout" | "maxDuration">): Plan["limits"] => {
  const ms = (value: Duration | undefined, name: string, defaultMs: number): number =>
    value === undefined ? defaultMs : requiredDurationMs(value, name);
  return {
    waitForMs: ms(waitFor, "waitFor", defaultLimits.waitForMs),
    idleTimeoutMs: ms(idleTimeout, "idleTimeout", defaultLimits.idleTimeoutMs),
    maxDurationMs: ms(maxDuration, "maxDuration", defaultLimits.maxDurationMs),
  };
};

/**
 * Lays what was said for a call over an agent's definition, if there is one. What is left out is the definition's: keys of
 * `session`, `user`, `inCall` and `data` one by one, all else whole. Throws InvalidInputError that says what cannot be used, TimeoutError where a function of the agent does not answer.
 */
export const planOf = async (
  assignment: Assignment,
  agent: Agent | undefined,
  { agentUserId, callFacts, secret }: PlanSources,
): Promise<Plan> => {
  const data = { ...assignment.data };
  const secrets = secretsOf(agent?.secrets ?? [], secret);
  const needsCall = [agent?.session, agent?.user, agent?.connected].some((part) => typeof part === "function");
  const call = needsCall ? { ...(await callFacts()), data, secrets } : undefined;
  const ofCall = async <T extends object>(part: T | ((call: AgentCall) => T | Promise<T>), what: string): Promise<T> =>
    typeof part === "function" && call !== undefined
      ? await withDeadline(Promise.resolve(part(call)), ownPartTimeoutMs, `The agent's ${what}()`)
      : (part as T);

  const own: AgentUser = await ofCall(agent?.user ?? { id: agentUserId }, "user");
  const ownSession = await ofCall(agent?.session ?? {}, "session");
  const settings = { ...agent, ...assignment };
  const { model, greeting, events, join = "now", onEmpty = "leave", tools = [] } = settings;
  const entriesOf = (said: readonly ToolEntry[]) => toolsOf(said, agent?.tools ?? []);
  return {
    user: { ...own, ...assignment.user, custom: { ...own.custom, ...assignment.user.custom }, id: agentUserId },
    ...sessionOf(ownSession, assignment.session ?? {}),
    tools: entriesOf(tools),
    entriesOf,
    ...(model === undefined ? {} : { model }),
    ...(greeting === undefined ? {} : { greeting }),
    ...(events === undefined ? {} : { events }),
    join,
    onEmpty,
    inCall: { ...agent?.inCall, ...assignment.inCall },
    limits: limitsOf(settings),
    data,
    connected: call && agent?.connected ? async (client) => agent.connected?.(client, call) : undefined,
  };
};
