import { accountId, region, repositoryArn } from "./arns.ts";
import { AwsError } from "./aws-error.ts";
import { type Json, optionalText, textsOf } from "./json.ts";
import type { JsonService } from "./json-service.ts";

const host = `${accountId}.dkr.ecr.${region}.amazonaws.com`;

const describe = (repositoryName: string): Json => ({
  registryId: accountId,
  repositoryName,
  repositoryArn: repositoryArn(repositoryName),
  repositoryUri: `${host}/${repositoryName}`,
});

/** ECR's repositories by name: images are neither taken nor given. */
export const createEcrApi = (): JsonService => {
  const names = new Set<string>();
  const found = (name: string): Json => {
    if (names.has(name)) return describe(name);
    throw new AwsError(
      "RepositoryNotFoundException",
      `The repository with name '${name}' does not exist in the registry with id '${accountId}'`,
    );
  };
  return {
    target: "AmazonEC2ContainerRegistry_V20150921",
    actions: {
      CreateRepository: {
        needs: () => [{ action: "ecr:CreateRepository", resource: "*" }],
        perform: (input) => {
          const name = optionalText(input, "repositoryName") ?? "";
          if (names.has(name)) {
            throw new AwsError("RepositoryAlreadyExistsException", `The repository with name '${name}' already exists`);
          }
          names.add(name);
          return { repository: describe(name) };
        },
      },
      DescribeRepositories: {
        needs: () => [{ action: "ecr:DescribeRepositories", resource: "*" }],
        perform: (input) => {
          const wanted = input.repositoryNames === undefined ? [...names] : textsOf(input.repositoryNames);
          return { repositories: wanted.map(found) };
        },
      },
      GetAuthorizationToken: {
        needs: () => [{ action: "ecr:GetAuthorizationToken", resource: "*" }],
        perform: () => ({
          authorizationData: [
            {
              authorizationToken: Buffer.from("AWS:local").toString("base64"),
              expiresAt: Date.now() / 1000 + 12 * 3_600,
              proxyEndpoint: `https://${host}`,
            },
          ],
        }),
      },
    },
  };
};
