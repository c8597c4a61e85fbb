import { logGroupArn } from "./arns.ts";
import { AwsError } from "./aws-error.ts";
import { parseFilterPattern } from "./filter-pattern.ts";
import { type Json, optionalText, textsOf } from "./json.ts";
import type { JsonAction, JsonService } from "./json-service.ts";
import type { LogGroups, LogLine } from "./log-groups.ts";

/**
 * A request of FilterLogEvents looks at so many lines. What it found of them, be it nothing, comes with a token to go on
 * with: as the service does, which promises no full pages.
 */
const maxScannedLines = 1_000;

const maxLimit = 10_000;

const invalid = (message: string): AwsError => new AwsError("InvalidParameterException", message);

const numberOf = (input: Json, name: string, otherwise: number): number => {
  const value = input[name] ?? otherwise;
  if (typeof value !== "number" || value < 0) throw invalid(`${name} must be a number that is not negative`);
  return value;
};

/** The group in a name, or in an ARN with or without ":*". */
const groupOf = (input: Json): string => {
  const named = optionalText(input, "logGroupName") ?? optionalText(input, "logGroupIdentifier") ?? "";
  return named.startsWith("arn:") ? named.split(":").slice(6, 7).join() : named;
};

/** What a token stands for; the first one looks as if it were nobody's business. */
const tokenOf = (position: string | number): string => Buffer.from(`at ${position}`).toString("base64url");

const positionOf = (token: string | undefined): string | undefined => {
  if (token === undefined) return undefined;
  const [, position] = /^at (.+)$/.exec(Buffer.from(token, "base64url").toString()) ?? [];
  if (position === undefined) throw invalid("The specified nextToken is invalid.");
  return position;
};

const describeLine = ({ seq, stream, atMs, line }: LogLine): Json => ({
  eventId: String(seq).padStart(56, "0"),
  logStreamName: stream,
  timestamp: atMs,
  ingestionTime: atMs,
  message: line,
});

const filterLogEvents = (logs: LogGroups, input: Json): Json => {
  const streams = input.logStreamNames === undefined ? undefined : textsOf(input.logStreamNames);
  const prefix = optionalText(input, "logStreamNamePrefix") ?? "";
  const [startMs, endMs] = [numberOf(input, "startTime", 0), numberOf(input, "endTime", Number.MAX_SAFE_INTEGER)];
  const limit = numberOf(input, "limit", maxLimit);
  if (limit < 1 || limit > maxLimit) throw invalid(`limit must be from 1 to ${maxLimit}`);
  const matches = parseFilterPattern(optionalText(input, "filterPattern") ?? "");
  const all = logs
    .read(groupOf(input))
    .filter(
      ({ stream, atMs }) =>
        atMs >= startMs && atMs <= endMs && stream.startsWith(prefix) && (streams?.includes(stream) ?? true),
    );
  // Where the last page ended, as time and number: lines that come meanwhile move nothing.
  const [afterMs = -1, afterSeq = -1] = (positionOf(optionalText(input, "nextToken")) ?? "").split(" ").map(Number);
  const rest = all.filter(({ atMs, seq }) => atMs > afterMs || (atMs === afterMs && seq > afterSeq));
  const scanned = rest.slice(0, maxScannedLines);
  const found = scanned.filter(({ line }) => matches(line)).slice(0, limit);
  const last = found.length === limit ? found.at(-1) : scanned.at(-1);
  const isMore = last !== undefined && last !== rest.at(-1);
  return {
    events: found.map(describeLine),
    searchedLogStreams: [],
    ...(isMore ? { nextToken: tokenOf(`${last.atMs} ${last.seq}`) } : {}),
  };
};

const getLogEvents = (logs: LogGroups, input: Json): Json => {
  const stream = optionalText(input, "logStreamName");
  const ofStream = logs.read(groupOf(input)).filter((line) => line.stream === stream);
  if (ofStream.length === 0) {
    throw new AwsError("ResourceNotFoundException", "The specified log stream does not exist.");
  }
  const [startMs, endMs] = [numberOf(input, "startTime", 0), numberOf(input, "endTime", Number.MAX_SAFE_INTEGER)];
  const lines = ofStream.filter(({ atMs }) => atMs >= startMs && atMs < endMs);
  const limit = numberOf(input, "limit", maxLimit);
  const [direction, at] = (positionOf(optionalText(input, "nextToken")) ?? "").split(" ");
  let [from, to] = input.startFromHead === true ? [0, limit] : [lines.length - limit, lines.length];
  if (direction === "after") {
    const index = lines.findIndex(({ seq }) => seq > Number(at));
    from = index < 0 ? lines.length : index;
    to = from + limit;
  } else if (direction === "before") {
    const index = lines.findIndex(({ seq }) => seq >= Number(at));
    to = index < 0 ? lines.length : index;
    from = to - limit;
  }
  const page = lines.slice(Math.max(0, from), to);
  // A page with nothing on it has the token that it was asked for with: that is how callers see the end.
  const forward = page.at(-1)?.seq ?? (direction === "after" ? at : lines.at(-1)?.seq) ?? 0;
  const backward = page[0]?.seq ?? (direction === "before" ? at : lines[0]?.seq) ?? 0;
  return {
    events: page.map((line) => ({ timestamp: line.atMs, message: line.line, ingestionTime: line.atMs })),
    nextForwardToken: tokenOf(`after ${forward}`),
    nextBackwardToken: tokenOf(`before ${backward}`),
  };
};

const describeLogGroups = (logs: LogGroups, input: Json): Json => {
  const prefix = optionalText(input, "logGroupNamePrefix") ?? "";
  const contained = optionalText(input, "logGroupNamePattern") ?? "";
  const limit = numberOf(input, "limit", 50);
  if (limit < 1 || limit > 50) throw invalid("limit must be from 1 to 50");
  const found = logs.list().filter(({ name }) => name.startsWith(prefix) && name.includes(contained));
  const first = Number(positionOf(optionalText(input, "nextToken")) ?? 0);
  return {
    logGroups: found.slice(first, first + limit).map(({ name, createdAtMs, retentionInDays }) => ({
      logGroupName: name,
      arn: `${logGroupArn(name)}:*`,
      logGroupArn: logGroupArn(name),
      creationTime: createdAtMs,
      retentionInDays,
      metricFilterCount: 0,
      storedBytes: 0,
      logGroupClass: "STANDARD",
    })),
    ...(first + limit < found.length ? { nextToken: tokenOf(first + limit) } : {}),
  };
};

/** CloudWatch Logs as SDKs speak to it, as far as reading goes. */
export const createLogsApi = (logs: LogGroups): JsonService => {
  const reading = (action: string, perform: (logs: LogGroups, input: Json) => Json): JsonAction => ({
    needs: (input) => [{ action: `logs:${action}`, resource: `${logGroupArn(groupOf(input))}:*` }],
    perform: (input) => perform(logs, input),
  });
  return {
    target: "Logs_20140328",
    actions: {
      FilterLogEvents: reading("FilterLogEvents", filterLogEvents),
      GetLogEvents: reading("GetLogEvents", getLogEvents),
      DescribeLogGroups: {
        needs: () => [{ action: "logs:DescribeLogGroups", resource: `${logGroupArn("")}:*` }],
        perform: (input) => describeLogGroups(logs, input),
      },
    },
  };
};
