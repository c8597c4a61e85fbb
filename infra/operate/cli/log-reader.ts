import { type FilteredLogEvent, FilterLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import type { Deployment } from "../deployment.ts";
import { type Aws, ask } from "./aws.ts";
import { nameOf } from "./aws-failure.ts";
import type { LogLine } from "./log-line.ts";

/** A search of a busy group takes many pages, most of them empty. */
const defaultPages = 200;

export interface LogQuery {
  group: string;
  /** What the lines' text contains. */
  term: string;
  /** Unix epoch in milliseconds. */
  sinceMs: number;
  /** Bound on requests; default 200. */
  maxPages?: number;
  signal?: AbortSignal;
}

/** What was found. `isPartial`: the bound on pages came first. `groupMissing`: nothing was ever written there. */
export interface LogAnswer {
  events: FilteredLogEvent[];
  isPartial: boolean;
  groupMissing: boolean;
}

const phrase = (term: string): string => `"${term.replaceAll(/["\\]/g, "\\$&")}"`;

/** Lines of one log group that contain a term, oldest first. Rejects with CommandError. */
export const readLog = async (logs: Aws["logs"], query: LogQuery): Promise<LogAnswer> => {
  const { group, term, sinceMs, maxPages = defaultPages, signal } = query;
  const events: FilteredLogEvent[] = [];
  let nextToken: string | undefined;
  for (let page = 0; page < maxPages; page++) {
    const command = new FilterLogEventsCommand({
      logGroupName: group,
      filterPattern: phrase(term),
      startTime: sinceMs,
      nextToken,
    });
    const request = logs.send(command, signal === undefined ? {} : { abortSignal: signal });
    const answer = await ask(
      `reading the log group ${group}`,
      request.catch((error: unknown) => {
        if (nameOf(error) === "ResourceNotFoundException") return undefined;
        throw error;
      }),
    );
    if (answer === undefined) return { events, isPartial: false, groupMissing: true };
    events.push(...(answer.events ?? []));
    nextToken = answer.nextToken;
    if (nextToken === undefined) return { events, isPartial: false, groupMissing: false };
  }
  return { events, isPartial: true, groupMissing: false };
};

/** Log groups of a deployment by who writes to them. */
export const sourcesOf = ({ logGroups }: Pick<Deployment, "logGroups">): { source: string; group: string }[] => [
  { source: "bridge", group: logGroups.bridge },
  { source: "webhook", group: logGroups.webhook },
  { source: "task-stopped", group: logGroups.taskStopped },
  { source: "sweep", group: logGroups.sweep },
];

export const lineOf = (source: string, { timestamp = 0, message = "" }: FilteredLogEvent): LogLine => ({
  source,
  atMs: timestamp,
  text: message,
});
