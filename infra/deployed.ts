import { InvalidInputError } from "../bridge-task/errors.ts";
import { type Deployment, deploymentParameter } from "./operate/deployment.ts";

/** What SSM keeps for nothing, and what it keeps at all. */
const standardBytes = 4_096;
const advancedBytes = 8_192;

const checked = (json: string): string => {
  const bytes = Buffer.byteLength(json);
  if (bytes <= advancedBytes) return json;
  throw new InvalidInputError(
    `what is deployed takes ${bytes} bytes to describe, and SSM keeps ${advancedBytes}: give tools shorter names, or make one of several`,
  );
};

/** The same, some of it known only when AWS has made it. */
type Told<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { [Key in keyof T]: Told<T[Key]> }
    : $util.Input<T>;

/** Leaves for `npm run agents` what it has to know. Nothing in it is secret. */
export const createDeployment = (deployment: Told<Deployment>): aws.ssm.Parameter => {
  const value = $jsonStringify(deployment).apply(checked);
  return new aws.ssm.Parameter("Deployment", {
    name: deploymentParameter($app.stage),
    type: "String",
    value,
    tier: value.apply((json) => (Buffer.byteLength(json) > standardBytes ? "Advanced" : "Standard")),
  });
};
