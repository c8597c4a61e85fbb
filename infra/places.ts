import { appName } from "./operate/deployment.ts";

/** Where things are in AWS, for names and ARNs that are needed before what they name is made. */
export const partition = () => aws.getPartitionOutput({}).partition;
export const region = () => aws.getRegionOutput({}).region;
export const accountId = () => aws.getCallerIdentityOutput({}).accountId;

/** Name of a log group of this stage. All of them stand together, beside the parameters of the same path. */
export const logGroupName = (component: string): string => `/${appName}/${$app.stage}/${component}`;
