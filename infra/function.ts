import { functionOptions } from "./build/bundle-options.ts";
import { logGroupName } from "./places.ts";
import { onlyThese, type Statement, writeLogs } from "./policies.ts";
import { retentionDays, type Settings } from "./settings.ts";

export interface LambdaOptions {
  /** Its source, relative to the project; it exports `handler`. */
  file: string;
  description: string;
  timeoutSeconds: number;
  memoryMb: 512 | 1024;
  environment: Record<string, $util.Input<string>>;
  permissions: readonly Statement[];
  url?: boolean;
}

/** A function as all of ours are: Node 24 on arm64, a role of its own with what it needs, its lines as JSON in a group of its own. */
export const createFunction = (
  name: string,
  { file, description, timeoutSeconds, memoryMb, environment, permissions, url = false }: LambdaOptions,
  settings: Settings,
): { fn: sst.aws.Function; logGroup: aws.cloudwatch.LogGroup } => {
  const logGroup = new aws.cloudwatch.LogGroup(`${name}Logs`, {
    name: logGroupName(name),
    retentionInDays: retentionDays[settings.logRetention],
  });
  const allowed = [...permissions, writeLogs(logGroup.arn)];
  const fn = new sst.aws.Function(name, {
    handler: file.replace(/\.ts$/, ".handler"),
    description,
    runtime: "nodejs24.x",
    architecture: "arm64",
    timeout: `${timeoutSeconds} seconds`,
    memory: `${memoryMb} MB`,
    environment,
    permissions: allowed,
    // Browsers have no business with it: the key of the API is a server's.
    ...(url ? { url: { cors: false } } : {}),
    logging: { format: "json", logGroup: logGroup.name },
    // Once anything is said here, SST minifies no more unless told to.
    nodejs: { minify: true, esbuild: functionOptions },
    transform: { role: onlyThese("lambda.amazonaws.com", allowed) },
  });
  return { fn, logGroup };
};
