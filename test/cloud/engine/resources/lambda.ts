import { mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { unzipSync } from "fflate";
import type { AwsCloud } from "../../aws/index.ts";
import type { Properties } from "../protocol.ts";
import type { Roles } from "../roles.ts";
import { type Handlers, textOf, type Wanted } from "./handler.ts";

export interface LambdaParts {
  aws: AwsCloud;
  roles: Roles;
  /** Where code is unpacked. */
  folder: string;
  /** Added to every function's environment. */
  environment: Readonly<Record<string, string>>;
}

/** A permission in a function's own policy: who may invoke it from outside the account's roles. */
export interface FunctionPermission {
  functionName: string;
  action: string;
  principal: string;
  sourceArn: string | undefined;
}

const lastOf = (nameOrArn: string): string => nameOrArn.slice(nameOrArn.lastIndexOf(":") + 1);

const unpack = async (zip: string, folder: string): Promise<string> => {
  const target = await mkdtemp(path.join(folder, "code-"));
  for (const [name, bytes] of Object.entries(unzipSync(await readFile(zip)))) {
    const file = path.join(target, name);
    await mkdir(path.dirname(file), { recursive: true });
    if (!name.endsWith("/")) await writeFile(file, bytes);
  }
  return target;
};

const parsed = (input: unknown): unknown => (typeof input === "string" ? JSON.parse(input) : null);

/** Functions with their URLs and permissions, and the invocations that are part of a deploy. */
export const lambdaHandlers = ({ aws, roles, folder, environment }: LambdaParts) => {
  /** Files on this machine that were put into S3, by bucket and key. */
  const objects = new Map<string, string>();
  /** By the permission's id. */
  const permissions = new Map<string, FunctionPermission>();

  const put = async ({ inputs }: Wanted) => {
    const name = textOf(inputs, "name");
    const zip = objects.get(`${textOf(inputs, "s3Bucket")}/${textOf(inputs, "s3Key")}`);
    if (zip === undefined) throw new Error(`the code of ${name} is not in the bucket`);
    const [module = "", handlerName = "handler"] = textOf(inputs, "handler").split(".");
    const logging = (inputs.loggingConfig ?? {}) as { logGroup?: string };
    const variables = ((inputs.environment ?? {}) as { variables?: Record<string, string> }).variables ?? {};
    const [architecture = "x86_64"] = (inputs.architectures ?? []) as ("arm64" | "x86_64")[];
    const arn = aws.putFunction(name, {
      bundleFile: path.join(await unpack(zip, folder), `${module}.mjs`),
      handlerName,
      env: { ...variables, ...environment },
      timeoutMs: Number(inputs.timeout ?? 3) * 1_000,
      memoryMb: Number(inputs.memorySize ?? 128),
      architecture,
      runtime: textOf(inputs, "runtime"),
      accessKeyId: roles.accessKeyOf(textOf(inputs, "role")),
      roleArn: textOf(inputs, "role"),
      ...(typeof inputs.description === "string" ? { description: inputs.description } : {}),
      ...(logging.logGroup === undefined ? {} : { logGroup: logging.logGroup }),
    });
    return { id: name, outputs: { arn, qualifiedArn: `${arn}:$LATEST`, version: "$LATEST", lastModified: "" } };
  };

  /** As the provider does with the life cycle CRUD: what happens, and the input before, stand under the Terraform key. */
  const invoke = async (inputs: Properties, action: "create" | "update" | "delete", before: unknown) => {
    const functionName = lastOf(textOf(inputs, "functionName"));
    const key = typeof inputs.terraformKey === "string" ? inputs.terraformKey : "tf";
    const payload = { ...(parsed(inputs.input) as object), [key]: { action, prev_input: before } };
    const answer = await aws.invoke(functionName, inputs.lifecycleScope === "CRUD" ? payload : parsed(inputs.input));
    if (answer.functionError !== undefined)
      throw new Error(
        `invoking Lambda Function (${functionName}): returned error: ${answer.functionError}: ${answer.payload}`,
      );
    return { id: `${functionName}_$LATEST`, outputs: { result: answer.payload } };
  };

  const handlers: Handlers = {
    "aws:s3/bucketObjectv2:BucketObjectv2": {
      replaceOn: ["bucket", "key"],
      create: ({ inputs }) => {
        const [bucket, key] = [textOf(inputs, "bucket"), textOf(inputs, "key")];
        const { assetFile } = (inputs.source ?? {}) as { assetFile?: string };
        if (assetFile !== undefined) objects.set(`${bucket}/${key}`, assetFile);
        return { id: key, outputs: { arn: `arn:aws:s3:::${bucket}/${key}`, etag: "", versionId: "" } };
      },
      delete: ({ id, inputs }) => void objects.delete(`${textOf(inputs, "bucket")}/${id}`),
    },
    "aws:lambda/function:Function": {
      replaceOn: ["name"],
      create: put,
      delete: ({ id }) => aws.removeFunction(id),
    },
    "aws:lambda/functionUrl:FunctionUrl": {
      replaceOn: ["functionName"],
      create: async ({ inputs }) => {
        const functionName = lastOf(textOf(inputs, "functionName"));
        return { id: functionName, outputs: { functionUrl: await aws.addFunctionUrl(functionName), urlId: "local" } };
      },
      delete: ({ id }) => aws.removeFunctionUrl(id),
    },
    "aws:lambda/permission:Permission": {
      replaceOn: "any",
      create: ({ name, inputs }) => {
        permissions.set(name, {
          functionName: lastOf(textOf(inputs, "function")),
          action: textOf(inputs, "action"),
          principal: textOf(inputs, "principal"),
          sourceArn: typeof inputs.sourceArn === "string" ? inputs.sourceArn : undefined,
        });
        return { id: name };
      },
      delete: ({ id }) => void permissions.delete(id),
    },
    "aws:lambda/invocation:Invocation": {
      replaceOn: ["functionName", "qualifier", "triggers", "lifecycleScope", "terraformKey"],
      create: ({ inputs }) => invoke(inputs, "create", null),
      update: ({ inputs }, former) => invoke(inputs, "update", parsed(former.inputs.input)),
      delete: async ({ inputs }) => {
        if (inputs.lifecycleScope === "CRUD") await invoke(inputs, "delete", parsed(inputs.input));
      },
    },
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": {
      create: ({ inputs }) => ({ id: textOf(inputs, "functionName") }),
    },
  };
  return { handlers, permissions: () => [...permissions.values()] };
};

/** Targets of a rule's or a schedule's invocations are functions' ARNs. */
export const functionNameOf = lastOf;
