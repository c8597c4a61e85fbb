import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { ECSClient, RunTaskCommand } from "@aws-sdk/client-ecs";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { buildBundles } from "../../infra/build/bundles.ts";
import { parameterNames } from "../../infra/operate/deployment.ts";
import { type AwsCloud, region, startAwsCloud } from "../cloud/aws/index.ts";
import { EventLog } from "../cloud/event-log.ts";
import type { StreamCloud } from "../cloud/stream/index.ts";
import { hooksOn, keys, removal, request, startStream } from "./fixture.ts";

/* The function as it is deployed: its bundle as a Lambda, its secrets in SSM. */

let folder: string;
let bundleFile: string;
let stream: StreamCloud;
let aws: AwsCloud;
const parameters = parameterNames("dev");

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "register-"));
  const [bundle] = await buildBundles(["register"], folder);
  bundleFile = bundle?.file ?? "";
});
afterAll(() => rm(folder, { recursive: true, force: true }));

beforeEach(async () => {
  stream = await startStream();
  const { STREAM_API_KEY, STREAM_API_SECRET } = parameters;
  const env = {
    STREAM_BASE_URL: stream.serverBaseUrl,
    SSM_PARAMETERS: JSON.stringify({ STREAM_API_KEY, STREAM_API_SECRET }),
    BRIDGE_CLUSTER: "local",
  };
  aws = await startAwsCloud({ log: new EventLog(), functions: { register: { bundleFile, env, timeoutMs: 60_000 } } });
  aws.parameters.put(STREAM_API_KEY, keys.apiKey, "SecureString");
});
afterEach(async () => {
  await aws.close(0);
  await stream.close();
});

const withSecret = () => aws.parameters.put(parameters.STREAM_API_SECRET, keys.apiSecret, "SecureString");

it("registers, does it again without effect, and takes the hook away when the stage is removed", async () => {
  withSecret();
  const invoke = async (payload: object) => JSON.parse((await aws.invoke("register", payload)).payload);
  const users = [{ id: "lucy", name: "Lucy" }];
  const asked = request({ users });
  expect(await invoke(asked)).toEqual({ hook: "created", otherHooks: 0, usersCreated: ["lucy"] });
  expect(hooksOn(stream)).toHaveLength(1);
  const again = { ...asked, tf: { action: "update", prev_input: asked } };
  expect(await invoke(again)).toEqual({ hook: "unchanged", otherHooks: 0, usersCreated: [] });
  expect(await invoke(removal({ users }))).toEqual({ hook: "removed", otherHooks: 0, usersCreated: [] });
  expect(hooksOn(stream)).toEqual([]);
});

it("fails the deploy with a message that says what to do, and without a secret", async () => {
  withSecret();
  stream.coordinator.restFaults.push({ pathEnd: "/users", status: 401, code: 5, count: 1 });
  const { functionError, payload } = await aws.invoke("register", request({ users: [{ id: "lucy" }] }));
  expect(functionError).toBe("Unhandled");
  expect(JSON.parse(payload).errorMessage).toMatch(/agents' users failed.+StreamApiKey and StreamApiSecret/);
  expect(payload).not.toContain(keys.apiSecret);
});

it("does not start without its secrets: the error names the one that is missing", async () => {
  const { functionError, payload } = await aws.invoke("register", request());
  expect(functionError).toBe("Unhandled");
  expect(JSON.parse(payload).errorMessage).toContain(`${parameters.STREAM_API_SECRET} (for STREAM_API_SECRET)`);
  // Once it is set, the next start reads it.
  withSecret();
  expect((await aws.invoke("register", request())).functionError).toBeUndefined();
});

it("lets a stage go whose Stream keys are gone from SSM, and says so", async () => {
  withSecret();
  await aws.invoke("register", request());
  aws.parameters.delete(parameters.STREAM_API_SECRET);
  const { functionError, payload } = await aws.invoke("register", removal());
  expect(functionError).toBeUndefined();
  expect(JSON.parse(payload)).toEqual({ hook: "none", otherHooks: 0, usersCreated: [] });
  expect(hooksOn(stream)).toHaveLength(1);
  const events = aws.logs.lines("/aws/lambda/register").map((line) => JSON.parse(line).event);
  expect(events).toEqual(expect.arrayContaining(["no_stream_keys", "hook_not_removed"]));
});

it("stops the stage's tasks when it is removed, though nobody can be told about the hook, and not before", async () => {
  withSecret();
  aws.putTaskDefinition("bridge", {
    container: "bridge",
    command: [process.execPath, "-e", "setInterval(() => {}, 1000)"],
    env: {},
    stopTimeoutSeconds: 5,
  });
  const credentials = { accessKeyId: "x", secretAccessKey: "y" };
  const ecs = new ECSClient({ endpoint: aws.endpointUrl, region, credentials });
  const networkConfiguration = { awsvpcConfiguration: { subnets: ["subnet-1"] } };
  await ecs.send(new RunTaskCommand({ cluster: "local", taskDefinition: "bridge", networkConfiguration }));
  ecs.destroy();
  await aws.invoke("register", request());
  stream.coordinator.restFaults.push({ pathEnd: "/app", status: 400, code: 4, count: 1 });
  // The stage stays, and so do its agents.
  expect(await aws.invoke("register", removal())).toMatchObject({ functionError: "Unhandled" });
  expect(aws.tasks()).toMatchObject([{ stopCode: undefined }]);
  stream.coordinator.restFaults.push({ pathEnd: "/app", status: 401, code: 2, count: 1 });
  expect((await aws.invoke("register", removal())).functionError).toBeUndefined();
  expect(aws.tasks()).toMatchObject([{ status: "STOPPED", stopCode: "UserInitiated" }]);
});
