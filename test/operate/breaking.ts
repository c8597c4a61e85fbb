import {
  GetFunctionConfigurationCommand,
  LambdaClient,
  UpdateFunctionConfigurationCommand,
} from "@aws-sdk/client-lambda";
import { hookIdOf, hookOf, hookUrlOf, type Json } from "../../functions/registration/hook.ts";
import { parameterNames } from "../../infra/operate/deployment.ts";
import type { Cloud } from "../cloud/index.ts";
import { localPlace } from "../cloud/local-deployment.ts";
import { writeDeployment } from "./operated-cloud.ts";

export const names = parameterNames("local");

/** Who the deployment is to Stream. */
export const us = { stage: "local", place: localPlace };

/** The app's hooks, and as a deploy left them. */
export const appOf = (cloud: Cloud) => cloud.stream.coordinator.app;
export const ourHook = (cloud: Cloud): Json =>
  hookOf(hookIdOf(us), hookUrlOf(cloud.info.webhookUrl, { ...us, calls: "all" }));
export const setHooks = (cloud: Cloud, ...hooks: Json[]): void => appOf(cloud).update({ event_hooks: hooks });
export const repairHooks = (cloud: Cloud): void => {
  setHooks(cloud, ourHook(cloud));
  appOf(cloud).update({ webhook_url: "" });
};

/** Puts another value, or none, in the place of a parameter. Returns the repair. */
export const changeParameter = (cloud: Cloud, name: string, value: string | undefined): (() => void) => {
  const { parameters } = cloud.aws;
  const before = parameters.get(name);
  if (before === undefined) throw new Error(`there is no parameter ${name}`);
  if (value === undefined) parameters.delete(name);
  else parameters.put(name, value, before.type);
  return () => void parameters.put(name, before.value, before.type);
};

/** The deployment's record says something else. Returns the repair. */
export const changeDeployment = (cloud: Cloud, changes: object): (() => void) => {
  writeDeployment(cloud, changes);
  return () => writeDeployment(cloud);
};

/** Other variables for a function, whose next event is then for a new process. Returns the repair. */
export const changeVariables = async (
  FunctionName: string,
  changes: Record<string, string>,
): Promise<() => Promise<unknown>> => {
  const lambda = new LambdaClient({});
  const { Environment } = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName }));
  const set = (Variables: Record<string, string>) =>
    lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName, Environment: { Variables } }));
  const before = Environment?.Variables ?? {};
  await set({ ...before, ...changes });
  return () => set(before);
};

/** Makes it well again. */
export type Repair = () => unknown;

/** Something that is broken on a deployment that is well otherwise. */
export interface Case {
  /** What is wrong. */
  broken: string;
  break: (cloud: Cloud) => Repair | Promise<Repair>;
  /** The check that names it, what it says, and how to mend it. */
  check: string;
  says: RegExp;
  mend: RegExp;
  state?: "problem" | "warn";
  aheadMs?: number;
  /** Checks that the case itself makes uneasy. */
  besides?: string[];
}

export const foreignHook: Json = {
  id: "7b1d4ed0-0000-4000-8000-000000000001",
  hook_type: "sqs",
  sqs_queue_url: "https://sqs.example.com/q",
  sqs_region: "us-east-1",
};
export const otherStagesHook = (calls: "all" | "own"): Json =>
  hookOf(
    hookIdOf({ ...us, stage: "other" }),
    hookUrlOf("https://other.example.com/webhooks/stream", { ...us, stage: "other", calls }),
  );
/** A stage of our name in another account or region. */
export const namesakesHook = (calls: "all" | "own"): Json => {
  const namesake = { ...us, place: "5e1f0e15" };
  return hookOf(hookIdOf(namesake), hookUrlOf("https://else.example.com/webhooks/stream", { ...namesake, calls }));
};
