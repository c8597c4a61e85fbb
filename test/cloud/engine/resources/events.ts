import { accountId, region } from "../../aws/arns.ts";
import type { AwsCloud } from "../../aws/index.ts";
import { type Handlers, physicalName, textOf } from "./handler.ts";
import { functionNameOf } from "./lambda.ts";

/** Who would invoke a function, and what has to allow it. */
export interface Invoker {
  functionName: string;
  functionArn: string;
  /** A rule is allowed by the function's own policy, a schedule by its role. */
  ruleArn?: string;
  roleArn?: string;
}

const unitsMs: Readonly<Record<string, number>> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 };

const rateMs = (expression: string): number => {
  const [, count, unit = ""] = /^rate\((\d+) (minute|hour|day)s?\)$/.exec(expression) ?? [];
  const unitMs = unitsMs[unit];
  if (unitMs === undefined) throw new Error(`the schedule "${expression}" is not known here, only rate(…)`);
  return Number(count) * unitMs;
};

/** Rules with a pattern, and schedules. A rule does nothing before it has a target. */
export const eventHandlers = (aws: AwsCloud) => {
  const patterns = new Map<string, Record<string, unknown>>();
  const invokers = new Map<string, Invoker>();
  const ruleArn = (rule: string): string => `arn:aws:events:${region}:${accountId}:rule/${rule}`;

  const handlers: Handlers = {
    "aws:cloudwatch/eventRule:EventRule": {
      replaceOn: ["name"],
      create: (wanted) => {
        const name = physicalName(wanted);
        patterns.set(name, JSON.parse(textOf(wanted.inputs, "eventPattern")));
        return { id: name, outputs: { name, arn: ruleArn(name) } };
      },
      delete: ({ id }) => void patterns.delete(id),
    },
    "aws:cloudwatch/eventTarget:EventTarget": {
      replaceOn: ["rule", "targetId"],
      create: ({ inputs }) => {
        const [rule, functionArn] = [textOf(inputs, "rule"), textOf(inputs, "arn")];
        const pattern = patterns.get(rule);
        if (pattern === undefined) throw new Error(`there is no rule ${rule} to give a target`);
        const functionName = functionNameOf(functionArn);
        aws.addRule({ name: rule, pattern, functionName });
        invokers.set(rule, { functionName, functionArn, ruleArn: ruleArn(rule) });
        return { id: `${rule}-target` };
      },
      delete: ({ inputs }) => {
        aws.removeRule(textOf(inputs, "rule"));
        invokers.delete(textOf(inputs, "rule"));
      },
    },
    "aws:scheduler/schedule:Schedule": {
      replaceOn: ["name"],
      create: (wanted) => {
        const name = physicalName(wanted);
        const target = (wanted.inputs.target ?? {}) as { arn: string; roleArn: string };
        const functionName = functionNameOf(target.arn);
        aws.addSchedule({ name, functionName, everyMs: rateMs(textOf(wanted.inputs, "scheduleExpression")) });
        invokers.set(name, { functionName, functionArn: target.arn, roleArn: target.roleArn });
        return {
          id: `default/${name}`,
          outputs: { name, arn: `arn:aws:scheduler:${region}:${accountId}:schedule/default/${name}` },
        };
      },
      delete: ({ outputs }) => {
        aws.removeSchedule(textOf(outputs, "name"));
        invokers.delete(textOf(outputs, "name"));
      },
    },
  };
  return { handlers, invokers: () => [...invokers.values()] };
};
