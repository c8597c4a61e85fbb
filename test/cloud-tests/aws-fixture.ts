import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import type { AwsCloud } from "../cloud/aws/index.ts";

/** What any client of the AWS SDK takes to speak to the stand-in. */
export const clientOf = ({ endpointUrl }: Pick<AwsCloud, "endpointUrl">, accessKeyId = "operator") => ({
  endpoint: endpointUrl,
  region: "us-east-1",
  credentials: { accessKeyId, secretAccessKey: "secret" },
  maxAttempts: 1,
});

/** The clients of a test, ended together. */
export const createClientPool = () => {
  const clients: { destroy(): void }[] = [];
  return {
    using: <Client extends { destroy(): void }>(client: Client): Client => {
      clients.push(client);
      return client;
    },
    destroy: (): void => {
      for (const client of clients.splice(0)) client.destroy();
    },
  };
};

export interface Sources {
  /** File of a source, by its name. */
  file(name: string): string;
  remove(): Promise<void>;
}

/** Writes the sources of functions, by name, where Lambda's stand-in finds them. */
export const writeSources = async (sources: Readonly<Record<string, string>>): Promise<Sources> => {
  const folder = await mkdtemp(path.join(os.tmpdir(), "aws-sources-"));
  const file = (name: string) => path.join(folder, `${name}.mjs`);
  for (const [name, source] of Object.entries(sources)) await writeFile(file(name), source);
  return { file, remove: () => rm(folder, { recursive: true, force: true }) };
};

/** RunTask's input for a task in the cluster "local". */
export const runTaskInput = (taskDefinition: string) => ({
  cluster: "local",
  taskDefinition,
  networkConfiguration: { awsvpcConfiguration: { subnets: ["subnet-1"] } },
});
