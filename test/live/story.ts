import type { CloudEvent } from "../cloud/event-log.ts";
import type { StreamEvent } from "./call-facts.ts";
import type { Attempt } from "./hook-courier.ts";
import type { WatchNews } from "./live-events.ts";
import { type Json, objectOf } from "./stream-api.ts";

/** What a person at the terminal wants to follow; null for everything else. */
export type Story = string | null;

const textOf = (value: unknown): string => (typeof value === "string" ? value : "");

/** What ignoring means, in words; other reasons stand as they are. */
const reasons: Record<string, string> = {
  no_agent: "no agent wants it",
  call_type: "agents are not asked about calls of this type",
  created_by_agent: "an agent created it",
  call_ended: "it has ended",
  scheduled: "it begins later",
  backstage: "it is backstage",
  e2ee: "it is end-to-end encrypted",
  other_stage: "it is for the agents of another stage",
};

const eventWords = (event: StreamEvent): string | null => {
  switch (event.type) {
    case "call.created":
      return `${event.call_cid} was created`;
    case "call.ended":
      return `${event.call_cid} has ended`;
    case "call.deleted":
      return `${event.call_cid} was deleted`;
    case "call.session_participant_joined": {
      const { id, name } = objectOf(objectOf(event.participant).user);
      // A name is what somebody typed: nothing of it is for the terminal.
      return `${(textOf(name) || textOf(id)).replace(/\p{Cc}/gu, "")} is in ${event.call_cid}`;
    }
    default:
      return null;
  }
};

/** An event's way into the webhook. */
export const storyOfAttempt = ({ event, attempt, outcome, answer }: Attempt): Story => {
  if (outcome.kind !== "status")
    return `${event.type} of ${event.call_cid}: the webhook failed (${outcome.kind}), attempt ${attempt}`;
  if (outcome.status >= 300)
    return `${event.type} of ${event.call_cid}: the webhook answered ${outcome.status}, attempt ${attempt}`;
  const what = eventWords(event);
  const { outcome: came, reason } = answer;
  if (came === "launched") return `${what ?? `${event.type} of ${event.call_cid}`}: an agent is launched`;
  if (came === "refused") return `${event.type} of ${event.call_cid}: an agent may not come (${textOf(reason)})`;
  if (what === null || event.type !== "call.created" || came === "present") return what;
  const why = textOf(reason);
  return why === "" ? what : `${what}: no agent comes, ${reasons[why] ?? why.replaceAll("_", " ")}`;
};

export const storyOfNews = (news: WatchNews): Story => {
  switch (news.kind) {
    case "connected":
      return "Stream's events arrive";
    case "disconnected":
      return `Stream's events do not arrive: ${news.error}. Connecting again; what is missed meanwhile is looked up`;
    case "search_failed":
      return `${news.error}. Trying again in ${Math.round(news.pauseMs / 1_000)} s`;
    case "search_works_again":
      return "Stream answers again";
    case "not_watched":
      return `the events of ${news.cid} do not arrive${news.error ? ` (${news.error})` : ""}: it is looked at every few seconds instead`;
  }
};

/** What the local stand-in of AWS did. */
export const storyOfCloud = ({ source, type, data }: CloudEvent): Story => {
  if (source !== "aws") return null;
  if (type === "task.running") return `bridge process started, pid ${data.pid}`;
  if (type === "task.stopped") return `bridge process ended, exit code ${data.exitCode ?? "none"}`;
  return null;
};

const errorText = (value: unknown): string =>
  typeof value === "object" && value !== null ? textOf(objectOf(value).message) : String(value ?? "");

const readLine = (line: string): Json => {
  try {
    return objectOf(JSON.parse(line));
  } catch {
    // Not one of our log lines.
    return {};
  }
};

/** A line of a bridge process's log. */
export const storyOfLine = (line: string): Story => {
  const { event, level, call, agent, reason, detail, error, ...rest } = readLine(line);
  if (typeof event !== "string") return line.trim() === "" ? null : line;
  const who = `${textOf(agent)} in ${textOf(call)}`;
  if (event === "agent_joined") return `${textOf(agent)} has joined ${textOf(call)}`;
  if (event === "agent_left")
    return `${textOf(agent)} has left ${textOf(call)}: ${textOf(reason).replaceAll("_", " ")} (${textOf(detail)})`;
  if (event === "waiting_outside") return `${textOf(agent)} waits for somebody to come to ${textOf(call)}`;
  if (level !== "warn" && level !== "error") return null;
  const why = [errorText(error), textOf(reason), textOf(detail), textOf(rest.warning)].filter((text) => text !== "");
  return `${who}: ${event.replaceAll("_", " ")}${why.length === 0 ? "" : ` (${why.join(", ")})`}`;
};
