import { isDeepStrictEqual } from "node:util";
import { Hono } from "hono";
import { messageOf } from "../../../bridge-task/errors.ts";
import type { AwsCloud } from "../aws/index.ts";
import { type LoopbackServer, serveOnLoopback } from "../aws/server.ts";
import type { Properties, ResourceAnswer, ResourceRequest } from "./protocol.ts";
import { ecsHandlers } from "./resources/ecs.ts";
import { eventHandlers } from "./resources/events.ts";
import type { Handlers, ResourceHandler } from "./resources/handler.ts";
import { iamHandlers } from "./resources/iam.ts";
import { lambdaHandlers } from "./resources/lambda.ts";
import { inert, otherHandlers } from "./resources/others.ts";
import { storageHandlers } from "./resources/storage.ts";
import type { Decision } from "./roles.ts";
import { Roles } from "./roles.ts";

export interface ProvisionerOptions {
  aws: AwsCloud;
  /** The deployer's key, which may do everything. */
  deployerAccessKeyId: string;
  /** A folder for unpacked code. Whoever gives it removes it. */
  folder: string;
  /** What a task runs in the place of its image's command. */
  taskCommand: readonly string[];
  /** Added to the environment of every function and task: all in which they differ from what the program asked for. */
  environment: Readonly<Record<string, string>>;
}

export interface Provisioner {
  /** ENGINE_URL of the engine. */
  url: string;
  /** "type name" of every resource that exists. */
  resources(): string[];
  /** Every request to AWS that a function or a task made, and what its role's policies said. */
  decisions(): readonly Decision[];
  /** Whether the role of a resource may do something, asked without doing it. */
  roles: Roles;
  /** What would not be invoked in AWS for want of a permission, in words. */
  unpermitted(): string[];
  close(): Promise<void>;
}

const urlType = "aws:lambda/functionUrl:FunctionUrl";

const isReplaced = ({ replaceOn = [] }: ResourceHandler, inputs: Properties, former: Properties): boolean =>
  replaceOn === "any" || replaceOn.some((member) => !isDeepStrictEqual(inputs[member], former[member]));

/**
 * Makes in the stand-in of AWS what the stand-in of the engine asks for, and has AWS ask the policies that were deployed before
 * it does anything for a function or a task. Each type does what its provider does as far as the deployed system depends on
 * it; whether AWS would take the resource is not proven.
 */
export const startProvisioner = async (options: ProvisionerOptions): Promise<Provisioner> => {
  const { aws, folder, taskCommand, environment } = options;
  const roles = new Roles([options.deployerAccessKeyId]);
  aws.authorize = (request) => roles.refusalOf(request);
  const lambda = lambdaHandlers({ aws, roles, folder, environment });
  const events = eventHandlers(aws);
  const handlers: Handlers = {
    ...iamHandlers(roles),
    ...lambda.handlers,
    ...ecsHandlers({ aws, roles, command: taskCommand, environment }),
    ...storageHandlers(aws),
    ...events.handlers,
    ...otherHandlers,
  };
  /** How many there are of each: two while one replaces the other. */
  const living = new Map<string, number>();
  const urls = new Set<string>();

  const count = (type: string, name: string, change: 1 | -1): void => {
    const key = `${type} ${name}`;
    const left = (living.get(key) ?? 0) + change;
    if (left > 0) living.set(key, left);
    else living.delete(key);
  };

  const perform = async (request: ResourceRequest): Promise<ResourceAnswer> => {
    const { operation, type, name, inputs, former } = request;
    const handler = handlers[type] ?? inert(type);
    if (operation === "delete") return remove(request, handler);
    const replaced = former !== undefined && isReplaced(handler, inputs, former.inputs);
    const wanted = { name, inputs };
    const made =
      former === undefined || replaced || handler.update === undefined
        ? await handler.create(wanted)
        : await handler.update(wanted, former);
    if (former === undefined || replaced) count(type, name, 1);
    if (type === urlType) urls.add(made.id);
    return { id: made.id, outputs: { ...inputs, ...made.outputs }, ...(replaced ? { replaced } : {}) };
  };

  const remove = async ({ type, name, former }: ResourceRequest, handler: ResourceHandler) => {
    if (former === undefined) throw new Error("nothing was said of what is to be deleted");
    await handler.delete?.(former);
    count(type, name, -1);
    if (type === urlType) urls.delete(former.id);
    return { id: former.id, outputs: {} };
  };

  const unpermitted = (): string[] => {
    const permissions = lambda.permissions();
    const permits = (functionName: string, action: string, principal: string, sourceArn?: string): boolean =>
      permissions.some(
        (one) =>
          one.functionName === functionName &&
          one.action === action &&
          one.principal === principal &&
          (one.sourceArn === undefined || one.sourceArn === sourceArn),
      );
    const invoke = "lambda:InvokeFunction";
    const urlProblems = [...urls].flatMap((name) =>
      ["lambda:InvokeFunctionUrl", invoke]
        .filter((action) => !permits(name, action, "*"))
        .map((action) => `the URL of ${name} lacks ${action} for everybody`),
    );
    const invokerProblems = events.invokers().flatMap(({ functionName, functionArn, ruleArn, roleArn }) => {
      const asked = { action: invoke, resource: functionArn, context: {} };
      const isPermitted =
        roleArn === undefined
          ? permits(functionName, invoke, "events.amazonaws.com", ruleArn)
          : roles.verdictOf(roleArn, asked) === "allowed";
      return isPermitted ? [] : [`${ruleArn ?? roleArn} may not invoke ${functionName}`];
    });
    return [...urlProblems, ...invokerProblems];
  };

  const app = new Hono();
  app.post("/resources", async (c) => {
    const request = await c.req.json<ResourceRequest>();
    try {
      return c.json(await perform(request));
    } catch (error) {
      return c.json({ error: `${request.operation} ${request.type} ${request.name}: ${messageOf(error)}` }, 422);
    }
  });
  const server: LoopbackServer = await serveOnLoopback(app);
  return {
    url: server.url,
    resources: () => [...living.keys()],
    decisions: () => roles.decisions,
    roles,
    unpermitted,
    close: () => server.close(),
  };
};
