import { readFileSync } from "node:fs";
import tls from "node:tls";
import { StreamClient } from "@stream-io/node-sdk";
import type { ExitCode } from "../../infra/operate/cli/failure.ts";
import { createOperator } from "../../infra/operate/cli/operator.ts";
import { runProgram } from "../../infra/operate/cli/program.ts";
import { deploymentParameter } from "../../infra/operate/deployment.ts";
import type { CheckResult, Finding } from "../../infra/operate/doctor/check.ts";
import { diagnose } from "../../infra/operate/doctor/index.ts";
import { startStage } from "../calls/stage.ts";
import type { Cloud, CloudInfo } from "../cloud/index.ts";

export interface Answer {
  exitCode: ExitCode;
  out: string;
  err: string;
}

/** The environment in which the AWS SDK finds the local cloud. */
export const awsEnvironment = (info: CloudInfo): Record<string, string> => ({
  AWS_ENDPOINT_URL: info.awsEndpointUrl,
  AWS_REGION: info.awsRegion,
  AWS_ACCESS_KEY_ID: "OPERATOR",
  AWS_SECRET_ACCESS_KEY: "local",
  AWS_EC2_METADATA_DISABLED: "true",
});

/** The local cloud as a deploy leaves it, with nothing that a doctor would find. */
export const startOperatedCloud = async (): Promise<Cloud> => {
  const cloud = await startStage({ registered: true });
  Object.assign(process.env, awsEnvironment(cloud.info));
  delete process.env.AWS_PROFILE;
  // What NODE_EXTRA_CA_CERTS does for a process of its own.
  tls.setDefaultCACertificates([...tls.getCACertificates("default"), readFileSync(cloud.info.caFile, "utf8")]);
  return cloud;
};

export const streamClientOf = ({ info }: Cloud): StreamClient =>
  new StreamClient(info.streamApiKey, info.streamApiSecret, { basePath: info.streamServerBaseUrl, timeout: 10_000 });

/** What the deploy wrote down, with changes; without any, as it was. */
export const writeDeployment = ({ aws, deployment }: Cloud, changes: object = {}): void => {
  aws.parameters.put(deploymentParameter(deployment.stage), JSON.stringify({ ...deployment, ...changes }), "String");
};

const neverStopped = new AbortController().signal;

/** Runs a command line in this process. */
export const runAgents = async (
  args: readonly string[],
  { signal = neverStopped, onErr }: { signal?: AbortSignal; onErr?: (text: string) => void } = {},
): Promise<Answer> => {
  let [out, err] = ["", ""];
  const terminal = {
    out: (text: string) => {
      out += text;
    },
    err: (text: string) => {
      err += text;
      onErr?.(text);
    },
  };
  const environment = { SST_STAGE: "local" };
  const exitCode = await runProgram(args, { terminal, environment, folder: "/nowhere", signal });
  return { exitCode, out, err };
};

export interface Diagnosis {
  checks: CheckResult[];
  /** All that is not well and was not kept from being looked at. */
  told: (Finding & { id: string })[];
  /** Ids of the checks that could not be made. */
  skipped: string[];
}

/** The doctor's findings in this process. `aheadMs`: how much our clock is ahead. */
export const examine = async ({ aheadMs = 0 }: { aheadMs?: number } = {}): Promise<Diagnosis> => {
  const terminal = { out: () => {}, err: () => {} };
  const now = () => Date.now() + aheadMs;
  const operator = createOperator({ stage: "local", terminal, isJson: true, signal: neverStopped, now });
  try {
    const checks = await diagnose(operator);
    const findings = checks.flatMap(({ id, findings }) => findings.map((finding) => ({ id, ...finding })));
    return {
      checks,
      told: findings.filter(({ state }) => state === "warn" || state === "problem"),
      skipped: findings.filter(({ state }) => state === "skipped").map(({ id }) => id),
    };
  } finally {
    operator.close();
  }
};
