import { callsTableSchema, callsTableTtlAttribute } from "../../../functions/dispatch/calls-table-schema.ts";
import { type Case, changeDeployment, changeParameter, names } from "../breaking.ts";

/** The account, the keys or what tasks run in are not as deployed. */
export const accountCases: Case[] = [
  {
    broken: "the deployment is not there",
    break: (cloud) => changeParameter(cloud, "/stream-agent-bridge/local/Deployment", undefined),
    check: "deployment",
    says: /nothing is deployed as stage "local"/,
    mend: /deploy it: npx sst deploy --stage local/,
  },
  {
    broken: "the OpenAI key is not in SSM",
    break: (cloud) => changeParameter(cloud, names.OPENAI_API_KEY, undefined),
    check: "parameters",
    says: /OpenAiApiKey is missing/,
    mend: /sst secret set OpenAiApiKey/,
  },
  {
    broken: "the API key is not in SSM",
    break: (cloud) => changeParameter(cloud, names.AGENTS_API_KEY, undefined),
    check: "parameters",
    says: /AgentsApiKey is missing/,
    mend: /env --rotate/,
  },
  {
    broken: "a secret of the task is missing",
    break: (cloud) => {
      const taskDefinition = cloud.aws.putTaskDefinition("other", {
        container: "bridge",
        command: ["true"],
        env: {},
        secrets: { ...names, CRM_KEY: "/stream-agent-bridge/local/CrmKey" },
        stopTimeoutSeconds: 30,
      });
      return changeDeployment(cloud, { taskDefinition });
    },
    check: "task-definition",
    says: /secret \/stream-agent-bridge\/local\/CrmKey is missing/,
    mend: /deploy again/,
  },
  {
    broken: "AWS has no credentials",
    break: () => {
      const { AWS_SECRET_ACCESS_KEY: secret = "" } = process.env;
      delete process.env.AWS_SECRET_ACCESS_KEY;
      return () => {
        process.env.AWS_SECRET_ACCESS_KEY = secret;
      };
    },
    check: "aws-credentials",
    says: /takes no credentials/,
    mend: /aws sso login/,
  },
  {
    broken: "the operator may not look at the cluster",
    break: (cloud) => {
      cloud.aws.authorize = ({ action }) =>
        action === "ecs:DescribeClusters" ? `User: operator is not authorized to perform: ${action}` : undefined;
      return () => {
        cloud.aws.authorize = undefined;
      };
    },
    check: "cluster",
    says: /you may not look/,
    mend: /allow ecs:DescribeClusters/,
    state: "warn",
  },
  {
    broken: "the operator may not invoke tools",
    break: (cloud) => {
      cloud.aws.authorize = ({ action }) =>
        action === "lambda:InvokeFunction" ? `User: operator is not authorized to perform: ${action}` : undefined;
      return () => {
        cloud.aws.authorize = undefined;
      };
    },
    check: "tools",
    says: /you may not look/,
    mend: /allow lambda:InvokeFunction/,
    state: "warn",
  },
  {
    broken: "the cluster is not there",
    break: (cloud) => changeDeployment(cloud, { cluster: `${cloud.deployment.cluster}-gone` }),
    check: "cluster",
    says: /no task can be started/,
    mend: /deploy again/,
  },
  {
    broken: "the task definition is not there",
    break: (cloud) => changeDeployment(cloud, { taskDefinition: `${cloud.deployment.taskDefinition}00` }),
    check: "task-definition",
    says: /does not exist/,
    mend: /deploy again/,
  },
  {
    broken: "the calls table is not there",
    break: (cloud) => changeDeployment(cloud, { callsTable: "gone" }),
    check: "calls-table",
    says: /table gone does not exist/,
    mend: /deploy again/,
  },
  {
    broken: "the calls table is another's",
    break: (cloud) => changeDeployment(cloud, { callsTable: "tickets" }),
    check: "calls-table",
    says: /lacks the index "live"/,
    mend: /remove it and deploy again/,
  },
  {
    broken: "what is old stays in the calls table",
    break: async (cloud) => {
      await cloud.aws.createTable({ ...callsTableSchema, TableName: "calls-for-ever" });
      const repair = changeDeployment(cloud, { callsTable: "calls-for-ever" });
      return async () => {
        repair();
        await cloud.aws.deleteTable("calls-for-ever");
      };
    },
    check: "calls-table",
    says: new RegExp(`no time to live on ${callsTableTtlAttribute}`),
    mend: /deploy again/,
    state: "warn",
  },
  {
    broken: "the account may not run one task",
    break: (cloud) => {
      cloud.aws.quotas.set("L-3032A538", 0);
      return () => cloud.aws.quotas.set("L-3032A538", 1_000);
    },
    check: "fargate-quota",
    says: /may use 0 vCPU/,
    mend: /request-service-quota-increase --service-code fargate/,
  },
  {
    broken: "the account may run fewer tasks than the settings allow",
    break: (cloud) => {
      cloud.aws.quotas.set("L-3032A538", 6);
      return () => cloud.aws.quotas.set("L-3032A538", 1_000);
    },
    check: "fargate-quota",
    says: /enough for 6 tasks/,
    mend: /make callsAtOnce in infra\/settings\.ts 6/,
    state: "warn",
  },
  {
    broken: "the account may run few functions at once",
    break: (cloud) => {
      cloud.aws.quotas.set("L-B99A9384", 10);
      return () => cloud.aws.quotas.set("L-B99A9384", 1_000);
    },
    check: "lambda-quota",
    says: /10 functions may run at once/,
    mend: /request-service-quota-increase --service-code lambda/,
    state: "warn",
  },
];
