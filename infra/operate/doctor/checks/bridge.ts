import { DescribeTimeToLiveCommand, type TableDescription } from "@aws-sdk/client-dynamodb";
import { DescribeClustersCommand, DescribeTaskDefinitionCommand } from "@aws-sdk/client-ecs";
import { callsTableSchema, callsTableTtlAttribute } from "../../../../functions/dispatch/calls-table-schema.ts";
import { ask } from "../../cli/aws.ts";
import { parameterNames } from "../../deployment.ts";
import { type Check, type Finding, ok, orOk, problem, warn } from "../check.ts";
import type { Patient } from "../patient.ts";
import { missingParameters } from "./aws.ts";

const keysOf = (schema: readonly { AttributeName?: string | undefined; KeyType?: string | undefined }[] = []): string =>
  schema.map(({ AttributeName, KeyType }) => `${AttributeName} ${KeyType}`).join(", ");

/** Whether the table is the one that the code reads and writes. */
export const tableFindings = ({
  TableName,
  TableStatus,
  KeySchema,
  GlobalSecondaryIndexes = [],
}: TableDescription): Finding[] => {
  const other = "the table is not this project's, or an old one: remove it and deploy again";
  const found = new Map(GlobalSecondaryIndexes.map((index) => [index.IndexName, index]));
  return [
    ...(TableStatus === "ACTIVE" || TableStatus === "UPDATING"
      ? []
      : [problem(`the table ${TableName} is ${TableStatus}`, "wait until it is ACTIVE; if it stays so, deploy again")]),
    ...(keysOf(KeySchema) === keysOf(callsTableSchema.KeySchema)
      ? []
      : [problem(`the table ${TableName} has the keys ${keysOf(KeySchema)}`, other)]),
    ...callsTableSchema.GlobalSecondaryIndexes.flatMap(({ IndexName, KeySchema: keys }) => {
      const index = found.get(IndexName);
      if (index === undefined || keysOf(index.KeySchema) !== keysOf(keys)) {
        return [problem(`the table ${TableName} lacks the index "${IndexName}" on ${keysOf(keys)}`, other)];
      }
      return index.IndexStatus === undefined || index.IndexStatus === "ACTIVE"
        ? []
        : [problem(`the index "${IndexName}" is ${index.IndexStatus}`, "wait until it is ACTIVE")];
    }),
  ];
};

/** The name of a parameter of which a container's `valueFrom` has the ARN, or the name. */
const parameterOf = (valueFrom: string): string =>
  /^arn:[^:]*:ssm:[^:]*:[^:]*:parameter(\/.*)$/.exec(valueFrom)?.[1] ?? valueFrom;

/** Where tasks run, what they run, and the table that they meet in. */
export const bridgeChecks = ({ aws, stage, deployment, callsTable }: Patient): Check[] => {
  const again = `deploy again: npx sst deploy --stage ${stage}`;
  return [
    {
      id: "cluster",
      title: "Cluster",
      run: async () => {
        const { cluster } = await deployment();
        const request = aws.ecs.send(new DescribeClustersCommand({ clusters: [cluster] }));
        const [found] = (await ask("looking at the cluster", request)).clusters ?? [];
        if (found?.status === "ACTIVE") return ok(`${found.clusterName ?? cluster} is active`);
        return problem(`the cluster ${cluster} is ${found?.status ?? "not there"}: no task can be started`, again);
      },
    },
    {
      id: "task-definition",
      title: "Task definition",
      run: async () => {
        const { taskDefinition, container } = await deployment();
        const request = aws.ecs.send(new DescribeTaskDefinitionCommand({ taskDefinition })).catch((error: unknown) => {
          // ECS has one word for everything that is wrong with a request; this request names one thing.
          if (error instanceof Error && error.name === "ClientException") return undefined;
          throw error;
        });
        const found = (await ask("looking at the task definition", request))?.taskDefinition;
        if (found === undefined) return problem(`the task definition ${taskDefinition} does not exist`, again);
        if (found.status !== "ACTIVE")
          return problem(`the task definition ${taskDefinition} is ${found.status}`, again);
        const bridge = found.containerDefinitions?.find(({ name }) => name === container);
        if (bridge === undefined) return problem(`the task definition has no container "${container}"`, again);
        const secrets = bridge.secrets ?? [];
        const names = parameterNames(stage);
        const unnamed = Object.keys(names).filter((variable) => !secrets.some(({ name }) => name === variable));
        // Whether the keys are there is looked at by themselves.
        const others = secrets
          .map(({ valueFrom = "" }) => parameterOf(valueFrom))
          .filter((name) => !Object.values(names).includes(name));
        const missing = await missingParameters(aws, others);
        const findings = [
          ...(unnamed.length > 0 ? [problem(`the task gets no ${unnamed.join(", ")}`, again)] : []),
          ...missing.map((name) => problem(`the task's secret ${name} is missing or empty: it cannot start`, again)),
        ];
        return orOk(
          findings,
          `revision ${found.revision ?? "?"}, ${found.cpu ?? "?"} CPU units, ${found.memory ?? "?"} MB`,
        );
      },
    },
    {
      id: "calls-table",
      title: "Calls table",
      run: async () => {
        const table = await callsTable();
        const { TableName } = table;
        const request = aws.dynamoDb.send(new DescribeTimeToLiveCommand({ TableName }));
        const { TimeToLiveDescription } = await ask("looking at the calls table", request);
        const { TimeToLiveStatus = "DISABLED", AttributeName } = TimeToLiveDescription ?? {};
        const isKeptClean = TimeToLiveStatus.startsWith("ENABL") && AttributeName === callsTableTtlAttribute;
        const findings = [
          ...tableFindings(table),
          ...(isKeptClean
            ? []
            : [
                warn(
                  `the table ${TableName} has no time to live on ${callsTableTtlAttribute}: what is old is never deleted`,
                  again,
                ),
              ]),
        ];
        return orOk(findings, `${TableName} is active`);
      },
    },
  ];
};
