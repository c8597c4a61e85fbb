import { agents } from "../bridge-task/agents/index.ts";
import { InvalidInputError } from "../bridge-task/errors.ts";
import { candidates } from "../functions/dispatch/agents.ts";
import { agentUsers } from "./agent-users.ts";
import { createAlarms } from "./alarms.ts";
import { bridgeContainer, bridgeSecrets, createBridge } from "./bridge.ts";
import { checkAgents } from "./build/agents.ts";
import { readTools } from "./build/tools.ts";
import { createDeployment } from "./deployed.ts";
import { requireDocker } from "./docker.ts";
import { createNetwork } from "./network.ts";
import { region } from "./places.ts";
import { createSweep, createTaskStopped } from "./recovery.ts";
import { createRegistration, place } from "./registration.ts";
import { checkSecretNames } from "./secret-names.ts";
import { createSecrets, requireSecrets } from "./secrets.ts";
import { settingsOf } from "./settings.ts";
import { createCallsTable } from "./tables.ts";
import { checkTools, createTools, toolComponent, toolSecrets } from "./tools.ts";
import { createWebhook } from "./webhook.ts";

const createStage = async () => {
  if ($dev) {
    throw new InvalidInputError(
      "sst dev would put stubs in the place of functions and tasks, and no agent would come. On this machine: npm start. In AWS: npx sst deploy --stage NAME",
    );
  }
  const { root } = $cli.paths;
  const settings = settingsOf($app.stage);
  const manifest = await readTools(root, `${root}/node_modules`);
  checkAgents(agents, manifest);
  checkTools(manifest);
  const uses = [...bridgeSecrets(agents), ...toolSecrets(manifest)];
  checkSecretNames(
    uses,
    manifest.map(({ name }) => toolComponent(name)),
  );
  requireSecrets(uses.map(({ variable }) => variable));
  if ($cli.command === "deploy") await requireDocker();

  const secrets = createSecrets();
  const { cluster } = createNetwork();
  const calls = createCallsTable();
  const tools = createTools(manifest, secrets, settings);
  const bridge = createBridge({ cluster, calls, tools, secrets, agents, settings });
  const dispatch = { cluster, calls, bridge, secrets, tools: manifest, settings };
  const { agentsUrl, ...webhook } = createWebhook(dispatch);
  const taskStopped = createTaskStopped(dispatch);
  const sweep = createSweep(dispatch);
  const users = agentUsers(agents, candidates);
  createAlarms(webhook, taskStopped, settings);
  const deployment = createDeployment({
    stage: $app.stage,
    region: region(),
    place: place(),
    agentsUrl,
    streamWebhook: settings.streamWebhook,
    calls: settings.calls,
    callTypes: [...settings.callTypes],
    callsTable: calls.name,
    cluster: cluster.nodes.cluster.arn,
    taskDefinition: bridge.task.taskDefinition,
    container: bridgeContainer,
    capacity: settings.capacity,
    taskVcpu: Number.parseFloat(settings.task.cpu),
    callsAtOnce: settings.callsAtOnce,
    logGroups: {
      bridge: bridge.logGroup,
      webhook: webhook.logGroup.name,
      taskStopped: taskStopped.logGroup.name,
      sweep: sweep.logGroup.name,
    },
    functions: {
      webhook: webhook.fn.name,
      taskStopped: taskStopped.fn.name,
      sweep: sweep.fn.name,
      tools: Object.fromEntries(Object.entries(tools).map(([name, fn]) => [name, fn.name])),
    },
    agentUsers: users.map(({ id }) => id),
  });
  // Where Stream refuses, the operator's tools know the stage all the same.
  const told = { webhook: webhook.fn, agentsUrl, users, cluster, secrets, settings };
  createRegistration({ ...told, dependsOn: [deployment] });
  return {
    agentsUrl,
    agentsKey: `npm run agents -- env --stage ${$app.stage}`,
    streamWebhook: settings.streamWebhook === "register" ? $interpolate`${agentsUrl}/webhooks/stream` : "off",
  };
};

/**
 * Everything that a stage has in AWS. Where settings, tools, agents or secrets cannot be used, nothing is made: it rejects with
 * what to do, and nothing of where in the program that was found out.
 */
export const deploy: typeof createStage = async () => {
  try {
    return await createStage();
  } catch (error) {
    throw error instanceof InvalidInputError ? new $util.RunError(error.message) : error;
  }
};
