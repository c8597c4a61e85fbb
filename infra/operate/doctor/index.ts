import type { Operator } from "../cli/operator.ts";
import type { Check, CheckResult } from "./check.ts";
import { awsChecks } from "./checks/aws.ts";
import { bridgeChecks } from "./checks/bridge.ts";
import { clockChecks } from "./checks/clocks.ts";
import { functionChecks } from "./checks/functions.ts";
import { latelyChecks } from "./checks/lately.ts";
import { openAiChecks } from "./checks/open-ai.ts";
import { quotaChecks } from "./checks/quotas.ts";
import { streamChecks } from "./checks/stream.ts";
import { createPatient } from "./patient.ts";
import { runChecks } from "./run-checks.ts";

/** Looks at a deployment and at all that it needs. Never rejects: what cannot be looked at is a finding, too. */
export const diagnose = (operator: Operator): Promise<CheckResult[]> => {
  const patient = createPatient(operator);
  const checks: Check[] = [
    ...awsChecks(patient),
    ...streamChecks(patient),
    ...openAiChecks(patient),
    ...functionChecks(patient),
    ...bridgeChecks(patient),
    ...quotaChecks(patient),
    ...latelyChecks(patient),
    ...clockChecks(patient),
  ];
  return runChecks(checks);
};
