import type { RegistrationRequest } from "../functions/registration/types.ts";
import { createFunction } from "./function.ts";
import type { Secrets } from "./secrets.ts";
import type { Settings } from "./settings.ts";

const variables = ["STREAM_API_KEY", "STREAM_API_SECRET"];

export interface RegistrationParts {
  webhook: sst.aws.Function;
  agentsUrl: $util.Output<string>;
  users: RegistrationRequest["users"];
  secrets: Secrets;
  settings: Settings;
}

/**
 * Registers the stage with Stream, inside the deploy: AWS invokes the function when it is made, at every deploy after that, and
 * before it is removed. What it throws fails the deploy.
 */
export const createRegistration = ({ webhook, agentsUrl, users, secrets, settings }: RegistrationParts) => {
  const { fn } = createFunction(
    "Register",
    {
      file: "functions/register.ts",
      description: "Registers the stage with Stream at each deploy",
      // Reads, writes and reads again, up to three times.
      timeoutSeconds: 60,
      memoryMb: 512,
      environment: secrets.environment(variables),
      permissions: secrets.read(variables),
    },
    settings,
  );
  const request = agentsUrl.apply(
    (url): RegistrationRequest => ({
      stage: $app.stage,
      calls: settings.calls,
      webhookUrl: settings.streamWebhook === "register" ? `${url}/webhooks/stream` : null,
      users,
      // With another input each time, each deploy looks whether all is still as it should be.
      deployedAt: new Date().toISOString(),
    }),
  );
  return new aws.lambda.Invocation(
    "Registration",
    { functionName: fn.name, input: $jsonStringify(request), lifecycleScope: "CRUD", terraformKey: "tf" },
    // Stream may send an event as soon as it knows the URL; and nothing may be taken away before the hook is. Where AWS makes the
    // function anew, the old one takes its hook away first: the other way round it would take the new one's.
    { dependsOn: [webhook, fn], deleteBeforeReplace: true },
  );
};
