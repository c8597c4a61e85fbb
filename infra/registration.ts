import type { RegistrationRequest } from "../functions/registration/types.ts";
import { createFunction } from "./function.ts";
import { placeOf } from "./operate/deployment.ts";
import { accountId, region } from "./places.ts";
import type { Statement } from "./policies.ts";
import type { Secrets } from "./secrets.ts";
import type { Settings } from "./settings.ts";

const variables = ["STREAM_API_KEY", "STREAM_API_SECRET"];

export interface RegistrationParts {
  webhook: sst.aws.Function;
  agentsUrl: $util.Output<string>;
  users: RegistrationRequest["users"];
  /** Of the tasks that leave their calls when the stage is removed. */
  cluster: sst.aws.Cluster;
  secrets: Secrets;
  settings: Settings;
  /** What has to be there before Stream knows of the stage, and until it no longer does. */
  dependsOn?: $util.Input<$util.Resource>[];
}

/** Where the stage is, for its hook: two of one name in two accounts or regions are two. */
export const place = (): $util.Output<string> =>
  $util.all([accountId(), region()]).apply(([account, code]) => placeOf(account, code));

/** Find and stop the tasks of this cluster, no others. */
const stopTasks = (clusterArn: $util.Output<string>): Statement[] => [
  {
    // A list is of no task: only the condition says whose tasks.
    actions: ["ecs:ListTasks"],
    resources: ["*"],
    conditions: [{ test: "ArnEquals", variable: "ecs:cluster", values: [clusterArn] }],
  },
  {
    actions: ["ecs:DescribeTasks", "ecs:StopTask"],
    resources: [clusterArn.apply((arn) => `${arn.replace(":cluster/", ":task/")}/*`)],
  },
];

/**
 * Registers the stage with Stream, inside the deploy: AWS invokes the function when it is made, at every deploy after that, and
 * before it is removed. What it throws fails the deploy.
 */
export const createRegistration = (parts: RegistrationParts) => {
  const { webhook, agentsUrl, users, cluster, secrets, settings, dependsOn = [] } = parts;
  const clusterArn = cluster.nodes.cluster.arn;
  const { fn } = createFunction(
    "Register",
    {
      file: "functions/register.ts",
      description: "Registers the stage with Stream at each deploy",
      // Reads, writes and reads again, up to three times; on removal it waits until every agent has left its call.
      timeoutSeconds: 240,
      memoryMb: 512,
      environment: { ...secrets.environment(variables), BRIDGE_CLUSTER: clusterArn },
      permissions: [...secrets.read(variables), ...stopTasks(clusterArn)],
    },
    settings,
  );
  const request = $util.all([agentsUrl, place()]).apply(
    ([url, where]): RegistrationRequest => ({
      stage: $app.stage,
      place: where,
      calls: settings.calls,
      webhookUrl: settings.streamWebhook === "register" ? `${url}/webhooks/stream` : null,
      users,
      // With another input each time, each deploy looks whether all is still as it should be.
      deployedAt: new Date().toISOString(),
    }),
  );
  // Agents say goodbye while the registration is removed: until then their way out has to be there, too. All else that they
  // need, the webhook has for its own.
  const wayOut = [cluster, ...(cluster.vpc instanceof sst.aws.Vpc ? [cluster.vpc] : [])];
  return new aws.lambda.Invocation(
    "Registration",
    { functionName: fn.name, input: $jsonStringify(request), lifecycleScope: "CRUD", terraformKey: "tf" },
    // Stream may send an event as soon as it knows the URL; and nothing may be taken away before the hook is. Where AWS makes the
    // function anew, the old one takes its hook away first: the other way round it would take the new one's.
    { dependsOn: [webhook, fn, ...wayOut, ...dependsOn], deleteBeforeReplace: true },
  );
};
