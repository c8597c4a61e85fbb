import { appName } from "./operate/deployment.ts";
import type { Settings } from "./settings.ts";

interface Watched {
  fn: sst.aws.Function;
  logGroup: aws.cloudwatch.LogGroup;
}

const namespace = () => `${appName}/${$app.stage}`;

/** What stands in the mail: it tells which stage of what it is about. */
const mailName = (name: string): string => `${appName}-${$app.stage}-${name}`;

/** Whoever left an address is told, after a click in the mail that AWS sends first. */
const createTopic = (email: string | undefined): aws.sns.Topic | undefined => {
  if (email === undefined) return undefined;
  const topic = new aws.sns.Topic("Alarms", { name: mailName("Alarms") });
  new aws.sns.TopicSubscription("AlarmsEmail", { topic: topic.arn, protocol: "email", endpoint: email });
  return topic;
};

/** Each is red once there was one in five minutes: all of them are things that do not happen when all is well. */
export const createAlarms = (webhook: Watched, taskStopped: Watched, { alarmEmail }: Settings): void => {
  const topic = createTopic(alarmEmail);
  const alarm = (
    name: string,
    args: Pick<aws.cloudwatch.MetricAlarmArgs, "namespace" | "metricName" | "dimensions" | "alarmDescription">,
  ) =>
    new aws.cloudwatch.MetricAlarm(name, {
      ...args,
      name: mailName(name),
      statistic: "Sum",
      period: 300,
      evaluationPeriods: 1,
      threshold: 1,
      comparisonOperator: "GreaterThanOrEqualToThreshold",
      // No calls, no data, no alarm.
      treatMissingData: "notBreaching",
      ...(topic === undefined ? {} : { alarmActions: [topic.arn], okActions: [topic.arn] }),
    });

  alarm("WebhookErrors", {
    namespace: "AWS/Lambda",
    metricName: "Errors",
    dimensions: { FunctionName: webhook.fn.name },
    alarmDescription: "The webhook threw, or took longer than 10 s: read its log group",
  });
  alarm("WebhookAnswers", {
    namespace: "AWS/Lambda",
    metricName: "Url5xxCount",
    dimensions: { FunctionName: webhook.fn.name },
    alarmDescription: "The webhook answered 5xx: an agent may be missing in a call; read its log group",
  });
  alarm("WebhookThrottles", {
    namespace: "AWS/Lambda",
    metricName: "Throttles",
    dimensions: { FunctionName: webhook.fn.name },
    alarmDescription:
      "Lambda turned away requests to the webhook: the account runs as many functions at once as it may (10 in a new one). Ask AWS for more: Service Quotas, Lambda, Concurrent executions",
  });

  const filter = new aws.cloudwatch.LogMetricFilter("TasksEndedBadlyFilter", {
    logGroupName: taskStopped.logGroup.name,
    // A term and no JSON path: it is found however Lambda wraps the line.
    pattern: '"task_ended_badly"',
    metricTransformation: { namespace: namespace(), name: "TasksEndedBadly", value: "1" },
  });
  alarm("TasksEndedBadly", {
    namespace: namespace(),
    metricName: filter.metricTransformation.name,
    alarmDescription: "A task crashed, or could not be started: npm run agents -- doctor",
  });
};
