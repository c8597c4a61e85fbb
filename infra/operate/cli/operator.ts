import { type AgentsClient, createAgentsClient } from "../../../functions/api/client.ts";
import { CallsTable } from "../../../functions/dispatch/calls-table.ts";
import { type Deployment, parameterNames } from "../deployment.ts";
import { type Aws, createAws } from "./aws.ts";
import { CommandError, exitCodes } from "./failure.ts";
import { findDeployment, readParameters } from "./find-deployment.ts";
import type { Terminal } from "./terminal.ts";

/** What every command is handed. */
export interface Operator {
  stage: string;
  terminal: Terminal;
  /** Data are for a program. */
  isJson: boolean;
  aws: Aws;
  /** Rejects with CommandError where there is none. */
  deployment(): Promise<Deployment>;
  agentsKey(): Promise<string>;
  /** The HTTP API of the deployment. */
  agents(): Promise<AgentsClient>;
  table(): Promise<CallsTable>;
  /** Unix epoch in milliseconds. */
  now(): number;
  /** Aborted by Ctrl-C. */
  signal: AbortSignal;
  close(): void;
}

export interface OperatorOptions {
  stage: string;
  terminal: Terminal;
  isJson: boolean;
  signal: AbortSignal;
  now?: () => number;
}

export const createOperator = ({ now = Date.now, ...options }: OperatorOptions): Operator => {
  const { stage } = options;
  const aws = createAws();
  let found: Promise<Deployment> | undefined;
  const deployment = () => {
    found ??= findDeployment(aws, stage);
    return found;
  };
  const agentsKey = async () => {
    await deployment();
    const { AGENTS_API_KEY } = await readParameters(aws, stage, ["AGENTS_API_KEY"]);
    if (AGENTS_API_KEY !== undefined) return AGENTS_API_KEY;
    throw new CommandError(
      exitCodes.notDeployed,
      `the API key is missing: the parameter ${parameterNames(stage).AGENTS_API_KEY} is not there or empty. Make one: npm run agents -- env --rotate`,
    );
  };
  return {
    ...options,
    aws,
    now,
    deployment,
    agentsKey,
    agents: async () => createAgentsClient({ url: (await deployment()).agentsUrl, key: await agentsKey() }),
    table: async () => new CallsTable({ client: aws.dynamoDb, tableName: (await deployment()).callsTable, now }),
    close: () => aws.close(),
  };
};
