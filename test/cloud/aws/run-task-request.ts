import { AwsError } from "./aws-error.ts";
import { type Json, optionalText } from "./json.ts";

export interface KeyValue {
  name: string;
  value: string;
}

/** The members of a RunTask request that the local cloud acts on; the rest takes part in the comparison of client tokens. */
export interface RunTaskRequest extends Record<string, unknown> {
  cluster: string;
  taskDefinition: string;
  count: number;
  clientToken: string | undefined;
  startedBy: string | undefined;
  /** FARGATE or FARGATE_SPOT where a strategy was given instead of a launch type. */
  capacityProvider: string | undefined;
  tags: { key: string; value: string }[];
  containerOverrides: { name: string; command: string[] | undefined; environment: KeyValue[] }[];
}

const invalid = (message: string): AwsError => new AwsError("InvalidParameterException", message);

const listOf = (value: unknown): Json[] => (Array.isArray(value) ? (value as Json[]) : []);

const checkNetwork = (input: Json): void => {
  const network = input.networkConfiguration as { awsvpcConfiguration?: { subnets?: unknown[] } } | undefined;
  if (!network?.awsvpcConfiguration) {
    throw invalid("Network Configuration must be provided when networkMode 'awsvpc' is specified.");
  }
  if (listOf(network.awsvpcConfiguration.subnets).length === 0) throw invalid("subnets can not be empty.");
};

/** The provider with the most weight: how ECS spreads many tasks over several does not matter for one at a time. */
const capacityProviderOf = (input: Json): string | undefined => {
  const strategy = listOf(input.capacityProviderStrategy);
  if (strategy.length === 0) return undefined;
  if (input.launchType !== undefined) {
    throw invalid(
      "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.",
    );
  }
  const [first] = strategy.toSorted((a, b) => Number(b.weight ?? 1) - Number(a.weight ?? 1));
  const name = String(first?.capacityProvider);
  if (name !== "FARGATE" && name !== "FARGATE_SPOT")
    throw invalid(`The specified capacity provider '${name}' was not found.`);
  return name;
};

const checkTag = ({ key, value = "" }: Json): { key: string; value: string } => {
  const allowed = /^[\p{L}\p{N}\p{Zs}+\-=._:/@]*$/u;
  if (typeof key !== "string" || key === "" || key.length > 128 || !allowed.test(key))
    throw invalid(`Tag key ${key} is invalid`);
  if (typeof value !== "string" || value.length > 256 || !allowed.test(value))
    throw invalid(`Tag value ${value} is invalid`);
  if (/^aws:/i.test(key)) throw invalid("Tags beginning with aws: are reserved");
  return { key, value };
};

/**
 * Reads a RunTask request and holds it against the limits that ECS documents: startedBy and clientToken by length and
 * characters, overrides by length (8,192), awsvpc configuration, tags, count. Throws AwsError as ECS answers.
 */
export const readRunTask = (input: Json): RunTaskRequest => {
  const taskDefinition = optionalText(input, "taskDefinition");
  if (!taskDefinition) throw invalid("TaskDefinition can not be blank.");
  const clientToken = optionalText(input, "clientToken");
  if (clientToken !== undefined && !/^[\x21-\x7e]{1,64}$/.test(clientToken)) {
    throw invalid("clientToken must have 1 to 64 characters in the range of 33-126.");
  }
  const startedBy = optionalText(input, "startedBy");
  if (startedBy !== undefined && !/^[A-Za-z0-9/_-]{0,128}$/.test(startedBy)) {
    throw invalid("startedBy takes up to 128 letters, numbers, hyphens, slashes and underscores.");
  }
  const count = input.count ?? 1;
  if (typeof count !== "number" || !Number.isInteger(count) || count < 1 || count > 10) {
    throw invalid("Count must be between 1 and 10.");
  }
  const overrides = (input.overrides ?? {}) as Json;
  if (JSON.stringify(overrides).length > 8192) throw invalid("Container Overrides length must be at most 8192");
  checkNetwork(input);
  return {
    ...input,
    cluster: optionalText(input, "cluster") ?? "default",
    taskDefinition,
    count,
    clientToken,
    startedBy,
    capacityProvider: capacityProviderOf(input),
    tags: listOf(input.tags).map(checkTag),
    containerOverrides: listOf(overrides.containerOverrides).map((override) => ({
      name: String(override.name),
      command: Array.isArray(override.command) ? override.command.map(String) : undefined,
      environment: listOf(override.environment).map(({ name, value }) => ({
        name: String(name),
        value: String(value ?? ""),
      })),
    })),
  };
};

const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, member]) => [key, sorted(member)]),
  );
};

/** Equal for two requests if and only if ECS takes them for the same one, given the same client token. */
export const parametersOf = ({ clientToken: _, ...input }: Json): string => JSON.stringify(sorted(input));
