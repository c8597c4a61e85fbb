import { quotaArn } from "./arns.ts";
import { AwsError } from "./aws-error.ts";
import type { Json } from "./json.ts";
import type { JsonAction, JsonService } from "./json-service.ts";
import { describeQuota, type Quota, type Quotas } from "./quotas.ts";

/** Service Quotas as SDKs speak to it. */
export const createQuotasApi = (quotas: Quotas): JsonService => {
  const found = ({ ServiceCode, QuotaCode }: Json): Quota => {
    const quota = quotas.find(String(QuotaCode));
    if (quota === undefined || quota.service !== ServiceCode) {
      throw new AwsError("NoSuchResourceException", `There is no quota ${ServiceCode} ${QuotaCode} in the local cloud`);
    }
    return quota;
  };
  const telling = (action: string, toldValue: (quota: Quota) => number): JsonAction => ({
    needs: ({ ServiceCode, QuotaCode }) => [
      { action: `servicequotas:${action}`, resource: quotaArn(String(ServiceCode), String(QuotaCode)) },
    ],
    perform: (input) => {
      const quota = found(input);
      return { Quota: describeQuota(quota, toldValue(quota)) };
    },
  });
  return {
    target: "ServiceQuotasV20190624",
    actions: {
      GetServiceQuota: telling("GetServiceQuota", ({ value }) => value),
      GetAWSDefaultServiceQuota: telling("GetAWSDefaultServiceQuota", ({ defaultValue }) => defaultValue),
    },
  };
};
