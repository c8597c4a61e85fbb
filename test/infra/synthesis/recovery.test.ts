import { glob, readFile } from "node:fs/promises";
import path from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { RegistrationRequest } from "../../../functions/registration/types.ts";
import { type Deployment, deploymentParameter } from "../../../infra/operate/deployment.ts";
import type { Fields } from "./request.ts";
import { secrets, synthesize } from "./synthesize.ts";
import { Template } from "./template.ts";

const root = path.resolve(import.meta.dirname, "../../..");

let template: Template;

beforeAll(async () => {
  template = new Template(await synthesize());
});

describe("what brings agents back", () => {
  it("hears of each task of this cluster that has ended", () => {
    const { inputs } = template.one("aws:cloudwatch/eventRule:EventRule", "TaskStoppedRule");
    expect(JSON.parse(String(inputs.eventPattern))).toEqual({
      source: ["aws.ecs"],
      "detail-type": ["ECS Task State Change"],
      detail: { clusterArn: [template.arn("aws:ecs/cluster:Cluster", "ClusterCluster")], lastStatus: ["STOPPED"] },
    });
    expect(inputs.state).not.toBe("DISABLED");
    expect(template.one("aws:cloudwatch/eventTarget:EventTarget", "TaskStoppedTarget").inputs).toMatchObject({
      rule: template.physicalName("aws:cloudwatch/eventRule:EventRule", "TaskStoppedRule"),
      arn: template.functionArn("TaskStopped"),
    });
  });

  it("looks every minute", () => {
    const [schedule, ...more] = template.all("aws:scheduler/schedule:Schedule");
    expect(more).toEqual([]);
    expect(schedule?.inputs).toMatchObject({
      scheduleExpression: "rate(1 minute)",
      state: "ENABLED",
      target: {
        arn: template.functionArn("Sweep"),
        roleArn: template.arn("aws:iam/role:Role", "SweepScheduleRole"),
      },
    });
  });
});

describe("alarms", () => {
  const alarm = (name: string): Fields => template.one("aws:cloudwatch/metricAlarm:MetricAlarm", name).inputs;

  it("go off at the first error, and not because nobody calls", () => {
    const alarms = template.all("aws:cloudwatch/metricAlarm:MetricAlarm");
    expect(alarms.map(({ name }) => name).toSorted()).toEqual([
      "TasksEndedBadly",
      "WebhookAnswers",
      "WebhookErrors",
      "WebhookThrottles",
    ]);
    for (const { inputs } of alarms) {
      expect(inputs).toMatchObject({
        statistic: "Sum",
        threshold: 1,
        evaluationPeriods: 1,
        comparisonOperator: "GreaterThanOrEqualToThreshold",
        treatMissingData: "notBreaching",
      });
    }
  });

  it("watch what the webhook throws, what it answers, and what does not reach it", () => {
    const dimensions = { FunctionName: template.physicalName("aws:lambda/function:Function", "WebhookFunction") };
    expect(alarm("WebhookErrors")).toMatchObject({ namespace: "AWS/Lambda", metricName: "Errors", dimensions });
    expect(alarm("WebhookAnswers")).toMatchObject({ namespace: "AWS/Lambda", metricName: "Url5xxCount", dimensions });
    expect(alarm("WebhookThrottles")).toMatchObject({ namespace: "AWS/Lambda", metricName: "Throttles", dimensions });
  });

  it("watch a line of the log that is really written when a task ends badly", async () => {
    const filter = template.one("aws:cloudwatch/logMetricFilter:LogMetricFilter", "TasksEndedBadlyFilter").inputs;
    expect(filter.logGroupName).toBe("/stream-agent-bridge/test/TaskStopped");
    expect(filter.metricTransformation).toMatchObject({ name: alarm("TasksEndedBadly").metricName, value: "1" });
    expect(filter.metricTransformation).toMatchObject({ namespace: alarm("TasksEndedBadly").namespace });
    const sources: string[] = [];
    for await (const file of glob("functions/**/*.ts", { cwd: root }))
      sources.push(await readFile(path.join(root, file), "utf8"));
    expect(sources.filter((text) => text.includes(String(filter.pattern)))).not.toEqual([]);
  });

  it("are sent to nobody unless an address is set", async () => {
    expect(template.all("aws:sns/topic:Topic")).toEqual([]);
    const mailed = new Template(await synthesize({ settings: { alarmEmail: "ops@example.com" } }));
    const topic = mailed.arn("aws:sns/topic:Topic", "Alarms");
    const subscriptions = mailed.all("aws:sns/topicSubscription:TopicSubscription").map(({ inputs }) => inputs);
    expect(subscriptions).toEqual([{ topic, protocol: "email", endpoint: "ops@example.com" }]);
    const actions = mailed.all("aws:cloudwatch/metricAlarm:MetricAlarm").map(({ inputs }) => inputs.alarmActions);
    expect(actions).toEqual([[topic], [topic], [topic], [topic]]);
  });
});

describe("the registration with Stream", () => {
  it("is made, made again and taken back by the deploy itself, at every deploy", () => {
    const { inputs } = template.one("aws:lambda/invocation:Invocation", "Registration");
    const { deployedAt, ...request } = JSON.parse(String(inputs.input)) as RegistrationRequest;
    expect(inputs).toMatchObject({
      functionName: template.physicalName("aws:lambda/function:Function", "RegisterFunction"),
      lifecycleScope: "CRUD",
      terraformKey: "tf",
    });
    expect(request).toEqual({
      stage: "test",
      place: expect.stringMatching(/^[0-9a-f]{8}$/),
      calls: "all",
      webhookUrl: "https://abc.lambda-url.us-east-1.on.aws/webhooks/stream",
      users: [{ id: "lucy", name: "Lucy" }],
    });
    // Pulumi invokes it again where the input has changed: it changes each time.
    expect(Number.isNaN(Date.parse(deployedAt ?? ""))).toBe(false);
  });

  it("comes last: where Stream refuses, the operator knows the stage all the same", () => {
    const { options } = template.one("aws:lambda/invocation:Invocation", "Registration");
    expect(options.dependsOn).toContain("Deployment");
  });

  it("takes its old hook away before a new one is made: the other way round it would take the new one", () => {
    const { options } = template.one("aws:lambda/invocation:Invocation", "Registration");
    expect(options.deleteBeforeReplace).toBe(true);
  });
});

describe("what is left for the operator", () => {
  it("says all of the deployment", () => {
    const { inputs } = template.one("aws:ssm/parameter:Parameter", "Deployment");
    const functions = (component: string): string =>
      template.physicalName("aws:lambda/function:Function", `${component}Function`);
    const deployment: Deployment = {
      stage: "test",
      region: "us-east-1",
      place: expect.stringMatching(/^[0-9a-f]{8}$/),
      agentsUrl: "https://abc.lambda-url.us-east-1.on.aws",
      streamWebhook: "register",
      calls: "all",
      callTypes: ["default"],
      callsTable: template.physicalName("aws:dynamodb/table:Table", "CallsTable"),
      cluster: template.arn("aws:ecs/cluster:Cluster", "ClusterCluster"),
      taskDefinition: template.arn("aws:ecs/taskDefinition:TaskDefinition", "BridgeTask"),
      container: template.container.name,
      capacity: "on-demand",
      taskVcpu: 1,
      callsAtOnce: 100,
      logGroups: {
        bridge: "/stream-agent-bridge/test/Bridge",
        webhook: "/stream-agent-bridge/test/Webhook",
        taskStopped: "/stream-agent-bridge/test/TaskStopped",
        sweep: "/stream-agent-bridge/test/Sweep",
      },
      functions: {
        webhook: functions("Webhook"),
        taskStopped: functions("TaskStopped"),
        sweep: functions("Sweep"),
        tools: {
          get_current_time: functions("ToolGetCurrentTime"),
          submit_support_ticket: functions("ToolSubmitSupportTicket"),
        },
      },
      agentUsers: ["lucy"],
    };
    expect(inputs).toMatchObject({ name: deploymentParameter("test"), type: "String" });
    expect(JSON.parse(String(inputs.value))).toEqual(deployment);
  });

  it("is what `sst deploy` prints, and no secret", () => {
    const { outputs } = template.evaluation;
    expect(outputs.agentsUrl).toBe("https://abc.lambda-url.us-east-1.on.aws");
    expect(Object.values(secrets).filter((secret) => JSON.stringify(outputs).includes(secret))).toEqual([]);
  });
});
