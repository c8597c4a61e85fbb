/** The one region and account of the local cloud. */
export const region = "us-east-1";
export const accountId = "123456789012";

const arn = (service: string, rest: string): string => `arn:aws:${service}:${region}:${accountId}:${rest}`;

export const clusterArn = (cluster: string): string => arn("ecs", `cluster/${cluster}`);
export const taskArn = (cluster: string, taskId: string): string => arn("ecs", `task/${cluster}/${taskId}`);
export const taskDefinitionArn = (family: string, revision: number): string =>
  arn("ecs", `task-definition/${family}:${revision}`);
export const functionArn = (name: string): string => arn("lambda", `function:${name}`);
export const tableArn = (table: string): string => arn("dynamodb", `table/${table}`);
export const indexArn = (table: string, index: string): string => `${tableArn(table)}/index/${index}`;
/** A name that begins with a slash gets no second one. */
export const parameterArn = (name: string): string => arn("ssm", `parameter/${name.replace(/^\//, "")}`);
export const logGroupArn = (name: string): string => arn("logs", `log-group:${name}`);
export const quotaArn = (service: string, code: string): string => arn("servicequotas", `${service}/${code}`);
export const repositoryArn = (name: string): string => arn("ecr", `repository/${name}`);

/** The last part of an ARN, or the text itself: most requests take either. */
export const lastPart = (nameOrArn: string): string => nameOrArn.slice(nameOrArn.lastIndexOf("/") + 1);
