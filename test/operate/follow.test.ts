import type { CloudWatchLogsClient, FilterLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { expect, test } from "vitest";
import { showLogs } from "../../infra/operate/cli/commands/logs.ts";
import type { Operator } from "../../infra/operate/cli/operator.ts";

test("What is written while a read takes its time is read next, and what was told is not told again.", async () => {
  const startMs = 1_000_000_000;
  let nowMs = startMs;
  const stop = new AbortController();
  const line = (eventId: string, timestamp: number) => ({
    eventId,
    timestamp,
    message: JSON.stringify({ event: eventId, call: "default:1" }),
  });
  const written = [line("first", startMs - 1_000)];
  const told: string[] = [];
  let bridgeReads = 0;
  const send = async ({ input: { logGroupName, startTime = 0 } }: FilterLogEventsCommand) => {
    if (logGroupName === "bridge") {
      bridgeReads += 1;
      const events = written.filter(({ timestamp }) => timestamp >= startTime);
      // Searching the other groups goes on for minutes, and here something is written meanwhile.
      if (bridgeReads === 1) written.push(line("meanwhile", startMs + 1));
      if (bridgeReads === 2) setImmediate(() => stop.abort());
      return { events };
    }
    if (bridgeReads === 1) nowMs = startMs + 300_000;
    return { events: [] };
  };
  const operator: Pick<Operator, "aws" | "deployment" | "terminal" | "isJson" | "now" | "signal"> = {
    aws: { logs: { send } as unknown as CloudWatchLogsClient } as Operator["aws"],
    deployment: async () =>
      ({ logGroups: { bridge: "bridge", webhook: "w", taskStopped: "t", sweep: "s" } }) as Awaited<
        ReturnType<Operator["deployment"]>
      >,
    terminal: { out: (text) => told.push(JSON.parse(text).event), err: () => {} },
    isJson: true,
    now: () => nowMs,
    signal: stop.signal,
  };
  await showLogs(operator as Operator, { type: "default", id: "1" }, { follow: true, sinceMs: 60_000 });
  expect(told).toEqual(["first", "meanwhile"]);
});
