import { DeleteItemCommand, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { pairItem } from "../../../functions/dispatch/calls-items.ts";
import type { Pair } from "../../../functions/dispatch/protocol.ts";
import { type Case, changeDeployment } from "../breaking.ts";

/** Something went wrong of late. */
export const latelyCases: Case[] = [
  {
    broken: "an agent is stuck on its way",
    break: async (cloud) => {
      const claimedAtMs = Date.now() - 10 * 60_000;
      const pair = {
        version: 1,
        state: "launching",
        launchId: "l",
        configId: "c",
        claimedAtMs,
        askedAtMs: claimedAtMs,
      };
      const rest = { knockCount: 0, mail: [], answers: [], launchedAtMs: [claimedAtMs] };
      const item = pairItem("default:stuck", "lucy", { ...pair, ...rest } as Pair, [], Date.now());
      const { pk = { S: "" }, sk = { S: "" } } = item;
      await cloud.aws.dynamoDb.send(new PutItemCommand({ TableName: "calls", Item: item }));
      return () => cloud.aws.dynamoDb.send(new DeleteItemCommand({ TableName: "calls", Key: { pk, sk } }));
    },
    check: "launches",
    says: /lucy has been on its way to default:stuck for 10 min/,
    mend: /logs default:stuck/,
    state: "warn",
  },
  {
    broken: "the sweep does not run",
    break: (cloud) => {
      return changeDeployment(cloud, { logGroups: { ...cloud.deployment.logGroups, sweep: "/never/Sweep" } });
    },
    // Long after it was deployed.
    aheadMs: 200_000,
    besides: ["clocks"],
    check: "sweep",
    says: /has not run within the last 3 min/,
    mend: /its schedule/,
  },
  {
    broken: "tasks ended badly",
    break: (cloud) => {
      const line = { event: "task_ended_badly", callCid: "default:9", reason: "model_refused", exitCode: 82 };
      cloud.aws.logs.put("/other/TaskStopped", "1", JSON.stringify({ ...line, detail: "bridge exited with 82" }));
      return changeDeployment(cloud, {
        logGroups: { ...cloud.deployment.logGroups, taskStopped: "/other/TaskStopped" },
      });
    },
    check: "task-ends",
    says: /1 ended with model_refused: lately in default:9, bridge exited with 82/,
    mend: /OPENAI_API_KEY/,
    state: "warn",
  },
  {
    broken: "an agent was given up",
    break: (cloud) => {
      const line = { event: "agent_gave_up", callCid: "default:8", detail: "out of memory" };
      cloud.aws.logs.put("/lost/TaskStopped", "1", JSON.stringify(line));
      return changeDeployment(cloud, {
        logGroups: { ...cloud.deployment.logGroups, taskStopped: "/lost/TaskStopped" },
      });
    },
    check: "task-ends",
    says: /1 agents were given up after several tries: lately in default:8/,
    mend: /bring the agent back/,
    state: "warn",
  },
  {
    broken: "this machine's clock is wrong",
    break: () => () => undefined,
    aheadMs: 90_000,
    check: "clocks",
    says: /1 min \d\d s ahead of Stream's/,
    mend: /NTP/,
    state: "warn",
  },
];
