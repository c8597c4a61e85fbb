import { InvalidInputError } from "../bridge-task/errors.ts";

/** Where tasks are started. */
export interface BridgeTarget {
  /** Name or ARN. */
  cluster: string;
  /** family, family:revision or ARN. */
  taskDefinition: string;
  /** Name of the bridge's container in the task definition. */
  container: string;
  subnets: string[];
  securityGroups: string[];
}

export interface WebhookConfig {
  streamApiKey: string;
  /** Signs the webhooks. */
  streamApiSecret: string;
  bridge: BridgeTarget;
}

type Environment = Readonly<Record<string, string | undefined>>;

const listOf = (value: string): string[] => value.split(",").flatMap((part) => part.trim() || []);

/**
 * The webhook's settings: the one place that reads its environment.
 * Throws InvalidInputError that names every variable that is missing or empty.
 */
export const readConfig = (environment: Environment): WebhookConfig => {
  const missing: string[] = [];
  const text = (name: string): string => {
    const value = environment[name]?.trim() ?? "";
    if (value === "") missing.push(name);
    return value;
  };
  const list = (name: string): string[] => {
    const values = listOf(environment[name] ?? "");
    if (values.length === 0) missing.push(name);
    return values;
  };
  const config = {
    streamApiKey: text("STREAM_API_KEY"),
    streamApiSecret: text("STREAM_API_SECRET"),
    bridge: {
      cluster: text("BRIDGE_CLUSTER"),
      taskDefinition: text("BRIDGE_TASK_DEFINITION"),
      container: text("BRIDGE_CONTAINER"),
      subnets: list("BRIDGE_SUBNETS"),
      securityGroups: list("BRIDGE_SECURITY_GROUPS"),
    },
  };
  if (missing.length > 0) {
    throw new InvalidInputError(
      `the webhook needs ${missing.join(", ")} in its environment: set what is missing and deploy again`,
    );
  }
  return config;
};
