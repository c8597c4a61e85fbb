import { quotaArn } from "./arns.ts";

export interface Quota {
  service: string;
  code: string;
  name: string;
  value: number;
  /** What an account begins with. */
  defaultValue: number;
}

/** The quotas that limit how many calls an account can have, with what a new account has of them. */
const newQuotas = (): Quota[] => [
  {
    service: "fargate",
    code: "L-3032A538",
    name: "Fargate On-Demand vCPU resource count",
    value: 6,
    defaultValue: 6,
  },
  { service: "fargate", code: "L-36FBB829", name: "Fargate Spot vCPU resource count", value: 6, defaultValue: 6 },
  { service: "lambda", code: "L-B99A9384", name: "Concurrent executions", value: 1_000, defaultValue: 1_000 },
];

/** Service Quotas' figures. They are told, and not enforced. */
export class Quotas {
  readonly #quotas = newQuotas();

  list(): readonly Quota[] {
    return this.#quotas;
  }

  find(code: string): Quota | undefined {
    return this.#quotas.find((quota) => quota.code === code);
  }

  /** Whether there is such a quota. */
  set(code: string, value: number): boolean {
    const found = this.find(code);
    if (found) found.value = value;
    return found !== undefined;
  }
}

/** A quota as GetServiceQuota tells it. */
export const describeQuota = ({ service, code, name }: Quota, value: number) => ({
  ServiceCode: service,
  ServiceName: service === "lambda" ? "AWS Lambda" : "AWS Fargate",
  QuotaArn: quotaArn(service, code),
  QuotaCode: code,
  QuotaName: name,
  Value: value,
  Unit: "None",
  Adjustable: true,
  GlobalQuota: false,
});
