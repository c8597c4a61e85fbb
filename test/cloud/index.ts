import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { eventTypes } from "../../functions/dispatch/decide.ts";
import { type Bundle, buildBundles } from "../../infra/build/bundles.ts";
import type { Deployment } from "../../infra/operate/deployment.ts";
import type { AwsCloud } from "./aws/index.ts";
import { createCertificates } from "./certificate.ts";
import { type ControlServer, startControl } from "./control.ts";
import { EventLog } from "./event-log.ts";
import { localStage, startLocalDeployment } from "./local-deployment.ts";
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
  /** For AWS_ENDPOINT_URL: every service has this address. Any credentials will do. */
  awsEndpointUrl: string;
  awsRegion: string;
  /** The stage that was deployed here, as `npm run agents -- --stage` takes it. */
  stage: string;
  /** DynamoDB's own address, for AWS_ENDPOINT_URL_DYNAMODB; the tables are `calls` and `tickets`. */
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
  deployment: Deployment;
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
  /**
   * Stream has the hook among its app's settings, as after a deploy, and the sweeper has run. Without it the stand-in of Stream
   * is told directly, which is quicker.
   */
  registered?: boolean;
  /** What the bridge task runs; by default Node on the bundle. */
  bridgeCommand?: (bundleFile: string) => string[];
}

const secret = (): string => randomBytes(24).toString("hex");

/**
 * Starts Stream, OpenAI and AWS on free loopback ports, with a local deployment in AWS: Stream's webhook is the function's URL,
 * and the bridge reaches Stream and OpenAI through base URLs.
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

    const { streamApiKey, streamApiSecret, openAiApiKey } = keys;
    const local = await step("AWS listening", () =>
      startLocalDeployment({
        log,
        bundles,
        services: {
          streamApiKey,
          streamApiSecret,
          openAiApiKey,
          streamBaseUrl: stream.serverBaseUrl,
          openAiBaseUrl: openai.baseUrl,
          caFile,
        },
        streamWebhook: options.registered ? "register" : "off",
        toolSecret: (variable) => process.env[variable],
        ...(options.onTaskOutput ? { onOutput: options.onTaskOutput } : {}),
        ...(options.bridgeEnvironment ? { bridgeEnvironment: options.bridgeEnvironment } : {}),
        ...(options.dispatchEnvironment ? { dispatchEnvironment: options.dispatchEnvironment } : {}),
        ...(options.bridgeCommand ? { bridgeCommand: options.bridgeCommand } : {}),
      }),
    );
    closers.push(() => local.close());
    const { aws, agentsUrl, agentsKey, webhookUrl, deployment } = local;
    // Only the events that the webhook acts on, as a deployment has it.
    if (options.registered) await step("registered with Stream", () => local.register());
    else stream.setWebhook({ url: webhookUrl, eventTypes });

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
      awsRegion: deployment.region,
      stage: localStage,
      dynamoDbUrl: aws.dynamoDbUrl,
      webhookUrl,
      agentsUrl,
      agentsKey,
      controlUrl: control.url,
    };
    return { info, log, stream, openai, aws, deployment, control, close };
  } catch (error) {
    await close();
    throw error;
  }
};
