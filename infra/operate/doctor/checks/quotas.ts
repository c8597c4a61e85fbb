import { GetAWSDefaultServiceQuotaCommand, GetServiceQuotaCommand } from "@aws-sdk/client-service-quotas";
import { ask } from "../../cli/aws.ts";
import { nameOf } from "../../cli/aws-failure.ts";
import { type Check, type Finding, ok, problem, warn } from "../check.ts";
import type { Patient } from "../patient.ts";

/** As Service Quotas names them. */
const quotas = {
  "on-demand": { ServiceCode: "fargate", QuotaCode: "L-3032A538", name: "Fargate On-Demand vCPU resource count" },
  spot: { ServiceCode: "fargate", QuotaCode: "L-36FBB829", name: "Fargate Spot vCPU resource count" },
  lambda: { ServiceCode: "lambda", QuotaCode: "L-B99A9384", name: "Concurrent executions" },
} as const;

type Quota = (typeof quotas)[keyof typeof quotas];

/** The account's value, or AWS's default where none was ever asked for; undefined where AWS knows none. */
const readQuota = async (
  { quotas: client }: Patient["aws"],
  { ServiceCode, QuotaCode }: Quota,
): Promise<number | undefined> => {
  const orNone = (error: unknown) => {
    if (nameOf(error) === "NoSuchResourceException") return undefined;
    throw error;
  };
  const own = client.send(new GetServiceQuotaCommand({ ServiceCode, QuotaCode })).catch(orNone);
  const applied = (await ask(`reading a quota of ${ServiceCode}`, own))?.Quota?.Value;
  if (applied !== undefined) return applied;
  const usual = client.send(new GetAWSDefaultServiceQuotaCommand({ ServiceCode, QuotaCode })).catch(orNone);
  return (await ask(`reading a quota of ${ServiceCode}`, usual))?.Quota?.Value;
};

const raise = ({ ServiceCode, QuotaCode, name }: Quota, value: number): string =>
  `ask AWS for more of "${name}": aws service-quotas request-service-quota-increase --service-code ${ServiceCode} --quota-code ${QuotaCode} --desired-value ${value}`;

const unknown = ({ name }: Quota): Finding =>
  warn(`AWS does not say how much of "${name}" this account may use`, "see Service Quotas in AWS's console");

/** What the account may run at once, beside what the settings allow. */
export const fargateFinding = (
  vcpu: number,
  { taskVcpu, callsAtOnce, capacity }: { taskVcpu: number; callsAtOnce: number; capacity: "on-demand" | "spot" },
): Finding => {
  const quota = quotas[capacity];
  const possible = Math.floor(vcpu / taskVcpu);
  const wanted = Math.ceil(callsAtOnce * taskVcpu);
  const told = `${vcpu} vCPU are enough for ${possible} tasks of ${taskVcpu} at once`;
  if (possible >= callsAtOnce) return ok(`${told}, the settings allow ${callsAtOnce}`);
  if (possible === 0)
    return problem(`the account may use ${vcpu} vCPU of Fargate, a task needs ${taskVcpu}`, raise(quota, wanted));
  return warn(
    `${told}, the settings allow ${callsAtOnce} calls`,
    `${raise(quota, wanted)}; or make callsAtOnce in infra/settings.ts ${possible}`,
  );
};

export const lambdaFinding = (concurrency: number, { callsAtOnce }: { callsAtOnce: number }): Finding => {
  const told = `${concurrency} functions may run at once`;
  // Besides the webhook, each call may have a tool running.
  const wanted = callsAtOnce + 10;
  if (concurrency >= Math.min(wanted, 1_000)) return ok(told);
  return warn(
    `${told}, with ${callsAtOnce} calls there may be ${wanted}: tools and webhooks then wait`,
    raise(quotas.lambda, 1_000),
  );
};

export const quotaChecks = ({ aws, deployment }: Patient): Check[] => [
  {
    id: "fargate-quota",
    title: "Fargate quota",
    run: async () => {
      const found = await deployment();
      const vcpu = await readQuota(aws, quotas[found.capacity]);
      return vcpu === undefined ? unknown(quotas[found.capacity]) : fargateFinding(vcpu, found);
    },
  },
  {
    id: "lambda-quota",
    title: "Lambda quota",
    run: async () => {
      const found = await deployment();
      const concurrency = await readQuota(aws, quotas.lambda);
      return concurrency === undefined ? unknown(quotas.lambda) : lambdaFinding(concurrency, found);
    },
  },
];
