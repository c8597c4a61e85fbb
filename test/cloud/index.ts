import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { callsTableSchema } from "../../functions/dispatch/calls-table.ts";
import { eventTypes } from "../../functions/dispatch/decide.ts";

import { bridgeRuntime } from "../../infra/build/bridge-runtime.ts";
import { type Bundle, type BundleName, buildBundles } from "../../infra/build/bundles.ts";
import { ticketsTableSchema } from "../../infra/build/tickets-table.ts";
import { type AwsCloud, startAwsCloud } from "./aws/index.ts";
import { createCertificates } from "./certificate.ts";
import { type ControlServer, startControl } from "./control.ts";
import { EventLog } from "./event-log.ts";
import { type OpenAiCloud, startOpenAiCloud } from "./openai/index.ts";
import { type StreamCloud, startStreamCloud } from "./stream/index.ts";

/** What a client needs to know to use the local cloud; `npm run cloud -- --json` prints exactly this. */
export interface CloudInfo {
  /** `baseURL` of @stream-io/video-client. */
  streamBaseUrl: string;
  /** `basePath` of @stream-io/node-sdk. */
  streamServerBaseUrl: string;
  streamApiKey: string;
  streamApiSecret: string;
  /** `locationHintUrl` of @stream-io/video-client. */
  locationHintUrl: string;
  /** https, ends in /v1: `baseURL` of the openai package. */
  openAiBaseUrl: string;
  /** Plain ws, for clients that take a socket URL. */
  openAiWsUrl: string;
  openAiApiKey: string;
  /** PEM of the authority that signed the server's certificate: NODE_EXTRA_CA_CERTS. */
  caFile: string;
  /** For AWS_ENDPOINT_URL_ECS and AWS_ENDPOINT_URL_LAMBDA. */
  awsEndpointUrl: string;
  /** For AWS_ENDPOINT_URL_DYNAMODB; the tables are `calls` and `tickets`. */
  dynamoDbUrl: string;
  webhookUrl: string;
  /** Where the HTTP API is, without a slash at the end, and its key. */
  agentsUrl: string;
  agentsKey: string;
  controlUrl: string;
}

export interface Cloud {
  info: CloudInfo;
  log: EventLog;
  stream: StreamCloud;
  openai: OpenAiCloud;
  aws: AwsCloud;
  control: ControlServer;
  /** Ends everything, children first. Idempotent. */
  close(): Promise<void>;
}

export interface CloudOptions {
  /** Told what is being started and how long it took, as it happens. */
  onStep?: (step: string, tookMs: number) => void;
  /** Bundles made earlier (a test run builds once); by default they are built now. */
  bundles?: readonly Bundle[];
  /** Each line that a task writes. */
  onTaskOutput?: (line: string) => void;
  /** More environment for the bridge task, and for the functions that dispatch. */
  bridgeEnvironment?: Record<string, string>;
  dispatchEnvironment?: Record<string, string>;
  /** What the bridge task runs; by default Node on the bundle. */
  bridgeCommand?: (bundleFile: string) => string[];
}

const secret = (): string => randomBytes(24).toString("hex");

/** The sweeper's rate in a deployment. */
const sweepEveryMs = 60_000;

const bundleFile = (bundles: readonly Bundle[], name: BundleName): string => {
  const found = bundles.find((bundle) => bundle.name === name);
  if (!found) throw new Error(`the bundle "${name}" is missing: pass the result of buildBundles()`);
  return found.file;
};

/**
 * Starts Stream, OpenAI and AWS on free loopback ports, wired as a deployment would be: Stream's webhook is the function's
 * URL, the function may launch the bridge's task definition, the bridge reaches Stream and OpenAI through base URLs.
 */
export const startCloud = async (options: CloudOptions = {}): Promise<Cloud> => {
  const closers: (() => Promise<unknown>)[] = [];
  const close = async () => {
    // Last started, first closed: children end before the servers they talk to.
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  const step = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    const startedAtMs = performance.now();
    const result = await work();
    options.onStep?.(name, performance.now() - startedAtMs);
    return result;
  };
  try {
    const log = new EventLog();
    const keys = { streamApiKey: "local-stream-key", streamApiSecret: secret(), openAiApiKey: `sk-local-${secret()}` };
    const bundles = options.bundles ?? (await step("bundles built", () => buildBundles()));
    const folder = await mkdtemp(path.join(os.tmpdir(), "agent-cloud-"));
    closers.push(() => rm(folder, { recursive: true, force: true }));
    const certificates = await step("certificate made", createCertificates);
    const caFile = path.join(folder, "ca.pem");
    await writeFile(caFile, certificates.caPem);

    const stream = await step("Stream listening", () =>
      startStreamCloud({ log, apiKey: keys.streamApiKey, apiSecret: keys.streamApiSecret }),
    );
    closers.push(() => stream.close());
    const openai = await step("OpenAI listening", () =>
      startOpenAiCloud({
        log,
        apiKey: keys.openAiApiKey,
        tls: { key: certificates.keyPem, cert: certificates.certPem },
      }),
    );
    closers.push(() => openai.close());

    const bridgeFile = bundleFile(bundles, "bridge");
    const tools = bundles.flatMap(({ tool, file }) => (tool ? [{ tool, file }] : []));
    const agentsKey = secret();
    const shared = {
      STREAM_API_KEY: keys.streamApiKey,
      STREAM_API_SECRET: keys.streamApiSecret,
      STREAM_BASE_URL: stream.serverBaseUrl,
      CALLS_TABLE: "calls",
      AGENTS_API_KEY: agentsKey,
      LOOPBACK_URLS: "allowed",
    };
    const dispatcher = (name: BundleName) => ({
      bundleFile: bundleFile(bundles, name),
      env: {
        ...shared,
        BRIDGE_CLUSTER: "local",
        BRIDGE_TASK_DEFINITION: "bridge",
        BRIDGE_CONTAINER: "bridge",
        BRIDGE_SUBNETS: "subnet-local",
        BRIDGE_SECURITY_GROUPS: "sg-local",
        TOOL_NAMES: tools.map(({ tool }) => tool.name).join(","),
        ...options.dispatchEnvironment,
      },
      timeoutMs: 10_000,
    });
    const aws = await step("AWS listening", () =>
      startAwsCloud({
        log,
        ...(options.onTaskOutput ? { onOutput: options.onTaskOutput } : {}),
        tables: [
          { ...callsTableSchema, TableName: "calls" },
          { ...ticketsTableSchema, TableName: "tickets" },
        ],
        taskDefinitions: {
          bridge: {
            container: "bridge",
            command: options.bridgeCommand?.(bridgeFile) ?? [process.execPath, bridgeFile],
            env: {
              ...shared,
              OPENAI_API_KEY: keys.openAiApiKey,
              OPENAI_BASE_URL: openai.baseUrl,
              NODE_EXTRA_CA_CERTS: caFile,
              TOOL_FUNCTIONS: JSON.stringify(
                Object.fromEntries(tools.map(({ tool }) => [tool.name, tool.functionName])),
              ),
              ...bridgeRuntime,
              ...options.bridgeEnvironment,
            },
            stopTimeoutSeconds: 120,
          },
        },
        functions: {
          webhook: dispatcher("webhook"),
          "task-stopped": dispatcher("task-stopped"),
          sweep: dispatcher("sweep"),
          ...Object.fromEntries(
            tools.map(({ tool, file }) => [
              tool.functionName,
              { bundleFile: file, env: { TICKETS_TABLE: "tickets" }, timeoutMs: tool.timeoutMs },
            ]),
          ),
        },
        onTaskStopped: "task-stopped",
        schedule: { functionName: "sweep", everyMs: sweepEveryMs },
      }),
    );
    closers.push(() => aws.close());
    const agentsUrl = aws.functionUrl("webhook").replace(/\/$/, "");
    const webhookUrl = `${agentsUrl}/webhooks/stream`;
    // The hook as a deployment registers it: only the events that the webhook acts on.
    stream.setWebhook({ url: webhookUrl, eventTypes });

    const control = await startControl({ log, stream, openai, aws });
    closers.push(() => control.close());
    const info: CloudInfo = {
      streamBaseUrl: stream.baseUrl,
      streamServerBaseUrl: stream.serverBaseUrl,
      ...keys,
      locationHintUrl: stream.locationHintUrl,
      openAiBaseUrl: openai.baseUrl,
      openAiWsUrl: openai.wsUrl,
      caFile,
      awsEndpointUrl: aws.endpointUrl,
      dynamoDbUrl: aws.dynamoDbUrl,
      webhookUrl,
      agentsUrl,
      agentsKey,
      controlUrl: control.url,
    };
    return { info, log, stream, openai, aws, control, close };
  } catch (error) {
    await close();
    throw error;
  }
};
