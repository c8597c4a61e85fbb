/** The one region and account of the local cloud. */
export const region = "us-east-1";
export const accountId = "123456789012";

const ecs = (rest: string): string => `arn:aws:ecs:${region}:${accountId}:${rest}`;

export const clusterArn = (cluster: string): string => ecs(`cluster/${cluster}`);
export const taskArn = (cluster: string, taskId: string): string => ecs(`task/${cluster}/${taskId}`);
export const taskDefinitionArn = (family: string): string => ecs(`task-definition/${family}:1`);
export const functionArn = (name: string): string => `arn:aws:lambda:${region}:${accountId}:function:${name}`;

/** The last part of an ARN, or the text itself: most requests take either. */
export const lastPart = (nameOrArn: string): string => nameOrArn.slice(nameOrArn.lastIndexOf("/") + 1);
