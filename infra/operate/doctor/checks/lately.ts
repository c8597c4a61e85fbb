import { DescribeLogGroupsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { type EndReason, exitCodes } from "../../../../bridge-task/job.ts";
import { adviceOn } from "../../../../bridge-task/record/advice.ts";
import { ask } from "../../cli/aws.ts";
import { fieldsOf } from "../../cli/log-line.ts";
import { readLog } from "../../cli/log-reader.ts";
import { spanOf } from "../../cli/terminal.ts";
import { type Check, type Finding, ok, orOk, problem, warn } from "../check.ts";
import type { Patient } from "../patient.ts";
import { tableFindings } from "./bridge.ts";

/** The sweep runs every minute; one may be late, and CloudWatch with it. */
const sweptWithinMs = 3 * 60_000;
/** A task is in its call within half a minute. */
const launchedWithinMs = 2 * 60_000;
const dayMs = 24 * 3_600_000;
/** A day of a busy deployment is long; what was found until then is told. */
const maxPages = 20;

const isEndReason = (value: unknown): value is EndReason =>
  typeof value === "string" && Object.hasOwn(exitCodes, value);

const notByItself: Readonly<Record<string, string>> = {
  crashed:
    "look at the task's log (npm run agents -- logs <call>) and at the exit code in the line above: 137 is too little memory (`task` in infra/settings.ts)",
  not_started:
    "ECS could not start the task, and says why in the line above: most often a secret, the image, the subnets or the Fargate quota. Deploy again",
};

const endAdvice = (reason: string): string =>
  notByItself[reason] ?? (isEndReason(reason) ? adviceOn(reason) : undefined) ?? "see npm run agents -- logs <call>";

/** The latest of them, with its call. */
const exampleOf = (lines: readonly Record<string, unknown>[]): string => {
  const { callCid, detail } = lines.at(-1) ?? {};
  return `lately in ${callCid}, ${detail}`;
};

/** Lines of one event in a log group, as their fields. */
const eventsIn = async ({ aws }: Patient, group: string, event: string, sinceMs: number) => {
  const { events, ...rest } = await readLog(aws.logs, { group, term: event, sinceMs, maxPages });
  const found = events.flatMap(({ message = "" }) => {
    const fields = fieldsOf(message);
    return fields?.event === event ? [fields] : [];
  });
  return { found, ...rest };
};

/** What happened of late, by the table and the logs. */
export const latelyChecks = (patient: Patient): Check[] => {
  const { aws, stage, now, deployment, callsTable, table, functionOf } = patient;
  return [
    {
      id: "sweep",
      title: "The sweep",
      run: async (): Promise<Finding> => {
        const { logGroups, functions } = await deployment();
        const again = `look at the function ${functions.sweep} and its schedule (log group ${logGroups.sweep}); deploy again: npx sst deploy --stage ${stage}`;
        const sweeping = await functionOf(functions.sweep);
        if (sweeping === undefined) return { state: "skipped", message: "not looked at: functions comes first" };
        const { found } = await eventsIn(patient, logGroups.sweep, "sweep", now() - sweptWithinMs);
        const last = found.at(-1);
        if (last !== undefined) {
          const failedCount = Number(last.failedCount ?? 0);
          if (failedCount === 0)
            return ok(`ran within the last ${spanOf(sweptWithinMs)}, ${last.liveCount} agents live`);
          return warn(
            `the latest sweep could not look after ${failedCount} agents`,
            `see why in the log group ${logGroups.sweep}`,
          );
        }
        const request = aws.logs.send(new DescribeLogGroupsCommand({ logGroupNamePrefix: logGroups.sweep }));
        const { logGroups: groups = [] } = await ask("looking at log groups", request);
        const group = groups.find(({ logGroupName }) => logGroupName === logGroups.sweep);
        const changedAtMs = Date.parse(sweeping.LastModified ?? "") || 0;
        if (now() - Math.max(changedAtMs, group?.creationTime ?? 0) < sweptWithinMs) {
          return warn("has not run yet: the deployment is young", "ask again in three minutes");
        }
        return problem(
          `has not run within the last ${spanOf(sweptWithinMs)}: lost launches are not made up for`,
          again,
        );
      },
    },
    {
      id: "launches",
      title: "Launches under way",
      run: async () => {
        if (tableFindings(await callsTable()).length > 0) {
          return { state: "skipped" as const, message: "not looked at: calls-table comes first" };
        }
        const unread: string[] = [];
        const onUnread = (cid: string, userId: string) => unread.push(`${userId} in ${cid}`);
        const live = await ask("reading the calls table", (await table()).live(onUnread));
        const stuck = live.filter(
          ({ pair }) => pair.state === "launching" && now() - pair.claimedAtMs > launchedWithinMs,
        );
        const findings = [
          ...stuck.map(({ cid, userId, pair }) =>
            warn(
              `${userId} has been on its way to ${cid} for ${spanOf(now() - pair.claimedAtMs)}`,
              `see npm run agents -- logs ${cid}; if ECS starts no tasks, look at its quota, the subnets and the image`,
            ),
          ),
          ...unread.map((what) => problem(`${what} cannot be read`, "another version wrote it: deploy again")),
        ];
        return orOk(findings, `${live.length} agents live, none stuck on its way`);
      },
    },
    {
      id: "task-ends",
      title: "How tasks ended",
      run: async () => {
        const { taskStopped, sweep } = (await deployment()).logGroups;
        const sinceMs = now() - dayMs;
        const [ended, ...givenUp] = await Promise.all([
          eventsIn(patient, taskStopped, "task_ended_badly", sinceMs),
          eventsIn(patient, taskStopped, "agent_gave_up", sinceMs),
          eventsIn(patient, sweep, "agent_gave_up", sinceMs),
        ]);
        const findings = [...Map.groupBy(ended.found, ({ reason }) => String(reason))].map(([reason, lines]) =>
          warn(`${lines.length} ended with ${reason}: ${exampleOf(lines)}`, endAdvice(reason)),
        );
        const lost = givenUp.flatMap(({ found }) => found);
        if (lost.length > 0) {
          const mend =
            "see npm run agents -- logs <call> --since 1d; mend it, then bring the agent back: npm run agents -- join <call>";
          findings.push(warn(`${lost.length} agents were given up after several tries: ${exampleOf(lost)}`, mend));
        }
        const partly = ended.isPartial ? ", as far as could be searched" : "";
        return orOk(findings, `none ended badly in the last day${partly}`);
      },
    },
  ];
};
